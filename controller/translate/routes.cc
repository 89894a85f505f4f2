#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "controller/store/field_reader.h"
#include "controller/translate/internal.h"
#include "userspace/base/text.h"
#include "userspace/model/limits.h"

namespace sluice::controller {
namespace {

// The table a route goes to: one port of a Service, for the clients of one namespace (empty: for
// all).
struct TableKey {
  ObjectKey service;
  uint16_t port = 0;
  std::string client_namespace;
  friend auto operator<=>(const TableKey&, const TableKey&) = default;
};

using Attachments = std::map<TableKey, std::set<const HttpRoute*>>;

bool IsMeshParent(const Draft& draft, const HttpRoute& route, const ParentRef& parent) {
  const std::string group = parent.group.value_or("");
  const bool is_core = group.empty() || group == "core";
  if (parent.kind == "Service" && is_core) {
    if (!parent.group.has_value()) {
      draft.Report(route.meta, parent.path + ".group",
                   "is missing; taken as \"\", but a cluster takes it as Gateway API's own group",
                   "write group: \"\"");
    }
    return true;
  }
  // Routes of ingress gateways may lie beside those of the mesh; they are somebody else's.
  if (parent.kind == "Gateway") return false;
  draft.Report(
      route.meta, parent.path + ".kind",
      base::Concat(Quoted(parent.kind), " of group ", Quoted(group), " cannot be a parent here"),
      "refer to a Service: group: \"\", kind: Service");
  return false;
}

// The Service that a parent reference names, if routes can be attached to it.
const Service* FindParent(const Draft& draft, const HttpRoute& route, const ParentRef& parent) {
  const std::string title = base::Concat("Service ", parent.namespace_name, "/", parent.name);
  const auto it =
      draft.store.services().find({.namespace_name = parent.namespace_name, .name = parent.name});
  if (it == draft.store.services().end()) {
    draft.Report(route.meta, parent.path + ".name", title + " does not exist",
                 "add the Service, or name an existing one");
    return nullptr;
  }
  if (!it->second.addresses.empty()) return &it->second;
  draft.Report(route.meta, parent.path + ".name",
               title + " has no cluster IP, so no request can meet the route",
               "attach the route to a Service with a clusterIP");
  return nullptr;
}

bool IsDeclaredHttp(const ServicePort& port) {
  const istio::workload::AppProtocol protocol = ProtocolOf(port);
  return protocol == istio::workload::HTTP11 || protocol == istio::workload::HTTP2 ||
         protocol == istio::workload::GRPC;
}

// "declared as TLS" and so on; empty if routes of the kind work on the port.
std::string_view Obstacle(RouteKind kind, const ServicePort& port) {
  if (IsForConnections(kind)) return IsDeclaredHttp(port) ? "HTTP, whose requests are routed" : "";
  switch (ProtocolOf(port)) {
    case istio::workload::TLS:
      return "TLS, whose requests cannot be read";
    case istio::workload::TCP:
      return "TCP";
    default:
      return "";
  }
}

// gRPC-Web is gRPC in HTTP/1.1; servers of gRPC itself speak HTTP/2 only.
bool IsHttp1WithoutGrpc(const ServicePort& port) {
  const bool is_web = port.app_protocol == "grpc-web" || port.name.starts_with("grpc-web");
  return ProtocolOf(port) == istio::workload::HTTP11 && !is_web;
}

struct ProtocolNames {
  std::string_view app_protocol;
  std::string_view title;
};

ProtocolNames WantedProtocol(const HttpRoute& route) {
  switch (route.kind) {
    case RouteKind::kGrpc:
      return {"grpc", "gRPC"};
    case RouteKind::kHttp:
      break;
    case RouteKind::kTls:
      return {"tls", "TLS"};
    case RouteKind::kTcp:
      return {"tcp", "TCP"};
  }
  return {"http", "HTTP"};
}

void AttachToParent(const Draft& draft, const HttpRoute& route, const ParentRef& parent,
                    Attachments& attachments) {
  const Service* service = FindParent(draft, route, parent);
  if (service == nullptr) return;
  const bool is_explicit = parent.port != 0 || !parent.section_name.empty();
  size_t named_count = 0;
  size_t attached_count = 0;
  for (const ServicePort& port : service->ports) {
    if (parent.port != 0 && port.port != parent.port) continue;
    if (!parent.section_name.empty() && port.name != parent.section_name) continue;
    ++named_count;
    const std::string_view obstacle = Obstacle(route.kind, port);
    if (!obstacle.empty()) {
      if (!is_explicit) continue;
      draft.Report(route.meta, parent.path,
                   base::Concat("port ", port.port, " of ", service->meta.Title(),
                                " is declared as ", obstacle),
                   base::Concat("set appProtocol: ", WantedProtocol(route).app_protocol,
                                " on the Service port, or choose another port"));
      continue;
    }
    if (route.kind == RouteKind::kGrpc && IsHttp1WithoutGrpc(port)) {
      // Taking over every HTTP port of a Service would refuse what is not gRPC there.
      if (!is_explicit) continue;
      draft.Report(route.meta, parent.path,
                   base::Concat("port ", port.port, " of ", service->meta.Title(),
                                " is declared as HTTP/1.1, and so are its servers spoken to"),
                   "set appProtocol: grpc on the Service port");
    }
    const bool is_consumer = route.meta.namespace_name != parent.namespace_name;
    attachments[{.service = {.namespace_name = parent.namespace_name, .name = parent.name},
                 .port = port.port,
                 .client_namespace = is_consumer ? route.meta.namespace_name : ""}]
        .insert(&route);
    ++attached_count;
  }
  if (named_count == 0) {
    draft.Report(route.meta, parent.path + (parent.port != 0 ? ".port" : ".sectionName"),
                 base::Concat(service->meta.Title(), " has no such TCP port"),
                 "write the number or the name of one of its ports");
  } else if (attached_count == 0 && !is_explicit) {
    draft.Report(
        route.meta, parent.path,
        base::Concat("no port of ", service->meta.Title(), " speaks ", WantedProtocol(route).title),
        base::Concat("set appProtocol: ", WantedProtocol(route).app_protocol,
                     " on the Service port that the route is for"));
  }
}

void Attach(const Draft& draft, const ObjectMap<HttpRoute>& all, Attachments& out) {
  for (const auto& [key, route] : all) {
    size_t mesh_parent_count = 0;
    // A route with a bad expression is skipped, but its other problems are worth knowing at once.
    const bool is_usable = HasOnlyGoodExpressions(draft, route);
    Attachments own;
    for (const ParentRef& parent : route.parents) {
      if (!IsMeshParent(draft, route, parent)) continue;
      ++mesh_parent_count;
      AttachToParent(draft, route, parent, own);
    }
    if (route.parents.empty()) {
      draft.Report(route.meta, "spec.parentRefs", "is empty: the route is for nobody",
                   "name the Service whose requests it routes");
    }
    if (mesh_parent_count > 0 && route.has_hostnames) {
      draft.Report(route.meta, "spec.hostnames",
                   "has no meaning under a Service and is ignored: the dialled address decides",
                   "remove it, or match the Host header");
    }
    if (!is_usable) continue;
    for (auto& [table, routes] : own) out[table].merge(routes);
  }
}

bool IsOlder(const HttpRoute* a, const HttpRoute* b) {
  return std::tie(a->meta.created, a->meta.namespace_name, a->meta.name) <
         std::tie(b->meta.created, b->meta.namespace_name, b->meta.name);
}

// GEP-1294: where routes of several kinds meet, the most specific kind counts alone. Producer and
// consumer routes are no conflict: a client is served by one of the two tables.
void KeepMostSpecificKind(const Draft& draft, const TableKey& key,
                          std::set<const HttpRoute*>& routes) {
  const HttpRoute& best =
      **std::min_element(routes.begin(), routes.end(), [](const HttpRoute* x, const HttpRoute* y) {
        return x->kind < y->kind || (x->kind == y->kind && IsOlder(x, y));
      });
  for (auto it = routes.begin(); it != routes.end();) {
    if ((*it)->kind == best.kind) {
      ++it;
      continue;
    }
    draft.Report(
        (*it)->meta, "spec.parentRefs",
        base::Concat("port ", key.port, " of Service ", key.service.namespace_name, "/",
                     key.service.name, " has ", best.meta.Title(), ", and ",
                     best.kind == RouteKind::kHttp ? "an " : "a ", best.meta.kind,
                     " goes before every ", (*it)->meta.kind, "; the route is left out there"),
        "remove one of the two, or route each on a port of its own");
    it = routes.erase(it);
  }
}

// A route says what the port speaks where the Service does not. Two kinds may both be attached, one
// for all clients and one for those of a namespace: gRPC is HTTP as well.
void MarkAsHttp(const Draft& draft, const TableKey& key, RouteKind kind) {
  if (IsForConnections(kind)) return;  // The node goes by the table, which is one namespace's.
  const std::vector<ServicePort>& declared = draft.store.services().at(key.service).ports;
  const auto is_undeclared = std::any_of(declared.begin(), declared.end(), [&](const auto& port) {
    return port.port == key.port && ProtocolOf(port) == istio::workload::UNKNOWN;
  });
  if (!is_undeclared) return;
  istio::workload::Address& address = draft.out.addresses[draft.ServiceName(key.service)];
  for (istio::workload::Port& port : *address.mutable_service()->mutable_ports()) {
    if (port.service_port() != key.port || port.app_protocol() == istio::workload::GRPC) continue;
    port.set_app_protocol(kind == RouteKind::kGrpc ? istio::workload::GRPC
                                                   : istio::workload::HTTP11);
  }
}

// Every match of the routes. The node refuses a table over its limits as a whole, so the youngest
// routes are left out.
std::vector<RouteCandidate> CollectCandidates(const Draft& draft, const TableKey& key,
                                              const std::vector<const HttpRoute*>& by_age) {
  std::vector<RouteCandidate> candidates;
  size_t rule_count = 0;
  for (const HttpRoute* route : by_age) {
    size_t match_count = 0;
    for (const RouteRule& rule : route->rules) match_count += rule.matches.size();
    if (rule_count + route->rules.size() > model::RouteLimits::kRulesMax ||
        candidates.size() + match_count > model::RouteLimits::kEntriesMax) {
      draft.Report(
          route->meta, "spec.rules",
          base::Concat("port ", key.port, " of Service ", key.service.namespace_name, "/",
                       key.service.name, " would have more than ", model::RouteLimits::kRulesMax,
                       " rules or ", model::RouteLimits::kEntriesMax,
                       " matches; the route is left out there"),
          "remove routes or join their matches");
      continue;
    }
    rule_count += route->rules.size();
    for (size_t rule = 0; rule < route->rules.size(); ++rule) {
      const std::vector<model::HttpMatch>& matches = route->rules[rule].matches;
      for (size_t match = 0; match < matches.size(); ++match) {
        candidates.push_back(
            {.route = route, .match = &matches[match], .rule_index = rule, .match_index = match});
      }
    }
  }
  std::sort(candidates.begin(), candidates.end(), IsTriedBefore);
  return candidates;
}

sluice::route::v1::RouteTable MakeTable(const Draft& draft, const TableKey& key, RouteKind kind,
                                        const std::vector<const HttpRoute*>& by_age) {
  sluice::route::v1::RouteTable table;
  table.set_service(draft.ServiceName(key.service));
  table.set_service_port(key.port);
  table.set_client_namespace(key.client_namespace);
  if (IsForConnections(kind)) {
    FillConnectionTable(draft, by_age, kind, table);
    return table;
  }
  const std::vector<RouteCandidate> candidates = CollectCandidates(draft, key, by_age);
  std::map<std::pair<const HttpRoute*, size_t>, uint32_t> rule_indices;
  for (const RouteCandidate& candidate : candidates) {
    const auto [it, is_new] = rule_indices.try_emplace({candidate.route, candidate.rule_index},
                                                       static_cast<uint32_t>(table.rules_size()));
    if (is_new) {
      *table.add_rules() =
          MakeRule(draft, *candidate.route, candidate.route->rules[candidate.rule_index]);
    }
    sluice::route::v1::HttpRouteEntry& entry = *table.add_entries();
    *entry.mutable_match() = MakeMatch(*candidate.match);
    entry.set_rule(it->second);
  }
  return table;
}

// The node leaves out a table that fits no packet, and requests would go on unrouted: here the
// youngest routes are left out until it fits, at last all of them, and then every request is
// answered 404.
void AddTable(const Draft& draft, const TableKey& key, const std::set<const HttpRoute*>& routes) {
  const RouteKind kind = (*routes.begin())->kind;
  std::vector<const HttpRoute*> by_age(routes.begin(), routes.end());
  std::sort(by_age.begin(), by_age.end(), IsOlder);
  sluice::route::v1::RouteTable table = MakeTable(draft, key, kind, by_age);
  while (!by_age.empty() && table.ByteSizeLong() > model::kResourceSizeMax) {
    draft.Report(
        by_age.back()->meta, "spec.rules",
        base::Concat("the routes of port ", key.port, " of Service ", key.service.namespace_name,
                     "/", key.service.name, " would take more than ", model::kResourceSizeMax,
                     " bytes; the route is left out there"),
        "remove routes, or write shorter matches and filters");
    by_age.pop_back();
    table = MakeTable(draft, key, kind, by_age);
  }
  std::string name = base::Concat(table.service(), ":", key.port);
  if (!key.client_namespace.empty()) name += "@" + key.client_namespace;
  draft.out.route_tables.emplace(std::move(name), std::move(table));
}

}  // namespace

void TranslateRoutes(Draft& draft) {
  Attachments attachments;
  Attach(draft, draft.store.http_routes(), attachments);
  Attach(draft, draft.store.grpc_routes(), attachments);
  Attach(draft, draft.store.tls_routes(), attachments);
  Attach(draft, draft.store.tcp_routes(), attachments);
  for (auto& [key, routes] : attachments) {
    KeepMostSpecificKind(draft, key, routes);
    MarkAsHttp(draft, key, (*routes.begin())->kind);
    AddTable(draft, key, routes);
  }
}

}  // namespace sluice::controller
