// The Kubernetes objects that Sluice reads, decoded and checked. Values; what a field means is
// decided in translate.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/store/problem.h"
#include "userspace/base/address.h"
#include "userspace/model/route_table.h"

namespace sluice::controller {

struct ObjectMeta {
  Origin origin;
  std::string kind;
  std::string namespace_name;
  std::string name;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  absl::Time created =
      absl::InfiniteFuture();  // Not written: younger than everything that says its age.
  bool is_deleting = false;

  std::string Title() const { return kind + " " + namespace_name + "/" + name; }
};

struct PodPort {  // TCP only.
  std::string name;
  uint16_t port = 0;
};

enum class Acceleration : uint8_t { kUnspecified, kOff, kFull };

struct Pod {
  ObjectMeta meta;
  std::vector<base::IpAddress> addresses;
  std::vector<PodPort> ports;
  std::string netns_path;                                  // Empty: not to be enrolled.
  Acceleration acceleration = Acceleration::kUnspecified;  // The pod's wish for the kernel path.
  std::string service_account;
  std::string node;
  bool is_ready = true;
  bool is_finished = false;  // Succeeded or Failed: its address may already belong to another pod.
  bool is_host_network = false;
};

struct ServicePort {  // TCP only.
  std::string name;
  uint16_t port = 0;
  uint16_t target_port = 0;  // 0: target_port_name.
  std::string target_port_name;
  std::string app_protocol;
};

enum class ServiceKind : uint8_t {
  kVirtual,     // Has cluster IPs.
  kUnassigned,  // Should have some, but nobody wrote them down.
  kHeadless,
  kExternalName,  // A DNS alias, nothing to route.
};

struct Service {
  ObjectMeta meta;
  ServiceKind kind = ServiceKind::kVirtual;
  std::vector<base::IpAddress> addresses;
  std::vector<ServicePort> ports;  // TCP only.
  std::map<std::string, std::string> selector;
};

struct SlicePort {  // TCP only.
  std::string name;
  uint16_t port = 0;
};

struct SliceEndpoint {
  base::IpAddress address;
  bool is_ready = true;
  std::string pod_namespace;  // With pod_name: of targetRef, if it names a Pod.
  std::string pod_name;
};

struct EndpointSlice {
  ObjectMeta meta;
  std::string service_name;
  std::vector<SlicePort> ports;
  std::vector<SliceEndpoint> endpoints;
};

struct RouteFilters {
  model::HttpFilters filters;
  bool has_prefix_replacement = false;
  std::string unsupported;       // Not empty: why requests cannot be served as the author wants.
  std::string unsupported_path;  // The field that says so.
};

struct BackendRef {
  std::string path;  // "spec.rules[0].backendRefs[1]"
  std::string group;
  std::string kind;
  std::string namespace_name;
  std::string name;
  uint16_t port = 0;  // 0: missing.
  uint32_t weight = 1;
  RouteFilters filters;
};

// What a GRPCRoute says of service and method; empty: any.
struct GrpcMethodMatch {
  bool is_regex = false;
  std::string service;
  std::string method;
};

struct RouteRule {
  std::string path;  // "spec.rules[0]"
  std::string name;
  std::vector<model::HttpMatch> matches;  // Never empty.
  std::vector<GrpcMethodMatch> methods;   // Of a GRPCRoute: one for each match. Else empty.
  RouteFilters filters;
  std::vector<BackendRef> backends;
  uint64_t timeout_ms = 0;  // 0: none.
};

struct ParentRef {
  std::string path;
  std::optional<std::string> group;
  std::string kind;
  std::string namespace_name;
  std::string name;
  std::string section_name;
  uint16_t port = 0;  // 0: every port.
};

// The most specific first: where several meet, it counts alone (GEP-1294).
enum class RouteKind : uint8_t { kGrpc, kHttp, kTls, kTcp };

constexpr bool IsForConnections(RouteKind kind) {
  return kind == RouteKind::kTls || kind == RouteKind::kTcp;
}

// An HTTPRoute; a GRPCRoute: one whose paths are "/service/method"; a TLSRoute or TCPRoute, whose
// rules have backends alone.
struct HttpRoute {
  ObjectMeta meta;
  RouteKind kind = RouteKind::kHttp;
  std::vector<ParentRef> parents;
  std::vector<RouteRule> rules;
  bool has_hostnames = false;
  std::vector<std::string> server_names;  // Of a TLSRoute, lower case; empty: any.
};

}  // namespace sluice::controller
