#include <array>
#include <map>
#include <utility>

#include "controller/store/field_reader.h"
#include "controller/store/names.h"
#include "controller/translate/internal.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

using istio::workload::AppProtocol;

using ProtocolName = std::pair<std::string_view, AppProtocol>;

// Kubernetes' own names, those of IANA and those that Istio users write. Every other one is TCP.
constexpr std::array<ProtocolName, 11> kAppProtocols{{
    {"http", istio::workload::HTTP11},
    {"http/1.1", istio::workload::HTTP11},
    {"kubernetes.io/ws", istio::workload::HTTP11},
    {"http2", istio::workload::HTTP2},
    {"h2c", istio::workload::HTTP2},
    {"kubernetes.io/h2c", istio::workload::HTTP2},
    {"grpc", istio::workload::GRPC},
    {"grpc-web", istio::workload::HTTP11},
    {"https", istio::workload::TLS},
    {"tls", istio::workload::TLS},
    {"kubernetes.io/wss", istio::workload::TLS},
}};

constexpr std::array<ProtocolName, 12> kNamePrefixes{{
    {"http", istio::workload::HTTP11},
    {"http2", istio::workload::HTTP2},
    {"h2c", istio::workload::HTTP2},
    {"grpc", istio::workload::GRPC},
    {"grpc-web", istio::workload::HTTP11},
    {"https", istio::workload::TLS},
    {"tls", istio::workload::TLS},
    {"tcp", istio::workload::TCP},
    {"ws", istio::workload::HTTP11},
    {"mongo", istio::workload::TCP},
    {"mysql", istio::workload::TCP},
    {"redis", istio::workload::TCP},
}};

bool IsBackendOf(const HttpRoute& route, const ObjectKey& key) {
  for (const RouteRule& rule : route.rules) {
    for (const BackendRef& backend : rule.backends) {
      if (backend.namespace_name == key.namespace_name && backend.name == key.name) return true;
    }
  }
  return false;
}

bool IsBackendOfARoute(const Store& store, const ObjectKey& key) {
  for (const auto* routes :
       {&store.http_routes(), &store.grpc_routes(), &store.tls_routes(), &store.tcp_routes()}) {
    for (const auto& [unused, route] : *routes) {
      if (IsBackendOf(route, key)) return true;
    }
  }
  return false;
}

void ReportKind(const Draft& draft, const ObjectKey& key, const Service& service) {
  if (service.kind == ServiceKind::kExternalName) {
    draft.Report(service.meta, "spec.type",
                 "ExternalName is a DNS alias and is left out of the mesh",
                 "use a ClusterIP Service with an EndpointSlice of the external addresses");
  } else if (service.kind == ServiceKind::kUnassigned && !IsBackendOfARoute(draft.store, key)) {
    draft.Report(
        service.meta, "spec.clusterIP",
        "is missing, and without a cluster nothing assigns one: nobody can dial the Service",
        "set a free address, or None for a headless Service");
  }
}

istio::workload::Service MakeService(const Draft& draft, const ObjectKey& key,
                                     const Service& service) {
  istio::workload::Service out;
  out.set_name(key.name);
  out.set_namespace_(key.namespace_name);
  out.set_hostname(draft.ServiceName(key).substr(key.namespace_name.size() + 1));
  for (const ServicePort& port : service.ports) {
    istio::workload::Port& made = *out.add_ports();
    made.set_service_port(port.port);
    made.set_target_port(port.target_port);
    made.set_app_protocol(ProtocolOf(port));
  }
  return out;
}

}  // namespace

AppProtocol ProtocolOf(const ServicePort& port) {
  // An application protocol that Sluice does not know says that the bytes are not for it to read:
  // they are relayed, and never looked at to guess what they are.
  if (!port.app_protocol.empty()) {
    const std::string name = LowerCase(port.app_protocol);
    for (const auto& [known, protocol] : kAppProtocols) {
      if (name == known) return protocol;
    }
    return istio::workload::TCP;
  }
  AppProtocol found = istio::workload::UNKNOWN;
  size_t found_size = 0;
  for (const auto& [prefix, protocol] : kNamePrefixes) {
    const std::string_view name = port.name;
    const bool is_match =
        name == prefix || (name.starts_with(prefix) && name[prefix.size()] == '-');
    if (!is_match || prefix.size() <= found_size) continue;
    found = protocol;
    found_size = prefix.size();
  }
  return found;
}

void TranslateServices(Draft& draft) {
  for (const auto& [key, service] : draft.store.services()) {
    ReportKind(draft, key, service);
    if (service.kind == ServiceKind::kExternalName) continue;
    istio::workload::Service made = MakeService(draft, key, service);
    for (const base::IpAddress& address : service.addresses) {
      const auto [owner, is_new] = draft.service_of_address.emplace(address, &service);
      if (!is_new) {
        draft.Report(service.meta, "spec.clusterIPs",
                     base::Concat(address.ToString(), " already belongs to ",
                                  owner->second->meta.Title(), ", which keeps it"),
                     "give each Service an address of its own");
        continue;
      }
      made.add_addresses()->set_address(address.ToBytes());
    }
    *draft.out.addresses[draft.ServiceName(key)].mutable_service() = std::move(made);
  }
}

}  // namespace sluice::controller
