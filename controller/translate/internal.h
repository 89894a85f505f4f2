// The steps of Translate. Each reads the store and what the steps before it made.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/translate/translate.h"

namespace sluice::controller {

struct Draft {
  const Store& store;
  const TranslateOptions& options;
  Translation& out;
  std::map<base::IpAddress, const Service*> service_of_address;  // Made by TranslateServices.

  void Report(const ObjectMeta& meta, std::string field, std::string reason,
              std::string mend) const;
  // "namespace/hostname".
  std::string ServiceName(const ObjectKey& key) const;
  std::string WorkloadUid(const ObjectKey& pod) const;
};

// Services -> Address{Service}. Two that claim one address: the first by namespace and name has it.
void TranslateServices(Draft& draft);
// Pods and foreign endpoints -> Address{Workload} with the services they serve, and LocalPod for
// enrolled ones.
void TranslateWorkloads(Draft& draft);
// Routes -> RouteTables; the ports that HTTPRoutes and GRPCRoutes attach to become HTTP.
void TranslateRoutes(Draft& draft);

// What a Service port speaks: appProtocol first (one that is not known: TCP), then the prefix of
// its name ("http", "grpc-web"), else UNKNOWN: the first bytes of each connection tell.
istio::workload::AppProtocol ProtocolOf(const ServicePort& port);

// One match of one rule with what decides its place in the table.
struct RouteCandidate {
  const HttpRoute* route = nullptr;
  const model::HttpMatch* match = nullptr;
  size_t rule_index = 0;
  size_t match_index = 0;
};
// Gateway API precedence: true if `a` is tried before `b`. A strict weak order.
bool IsTriedBefore(const RouteCandidate& a, const RouteCandidate& b);

// One rule of a route as the node knows it; broken backend references are reported and answer 500.
sluice::route::v1::HttpRule MakeRule(const Draft& draft, const HttpRoute& route,
                                     const RouteRule& rule);
sluice::route::v1::HttpMatch MakeMatch(const model::HttpMatch& match);
// Entries and rules of a table for connections, from TLSRoutes or TCPRoutes, the oldest first.
void FillConnectionTable(const Draft& draft, const std::vector<const HttpRoute*>& by_age,
                         RouteKind kind, sluice::route::v1::RouteTable& table);
// Reports the first regular expression of the route that RE2 refuses; the route is then not used at
// all.
bool HasOnlyGoodExpressions(const Draft& draft, const HttpRoute& route);

}  // namespace sluice::controller
