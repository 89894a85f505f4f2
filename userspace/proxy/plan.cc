#include "userspace/proxy/plan.h"

#include "userspace/base/mesh_ports.h"
#include "userspace/route/connection.h"
#include "userspace/route/matcher.h"

namespace sluice::proxy {

Plan MakePlan(const RuntimeConfig& config, const base::SocketAddress& dialled, bool is_inbound,
              std::string_view client_namespace) {
  if (is_inbound && base::IsMeshPort(dialled.port)) return {.refused = CloseReason::kOwnPort};
  if (is_inbound) return {};  // The pod itself was dialled: relayed to it as it came.
  const model::Snapshot& snapshot = config.snapshot();
  if (const model::ServicePort* service = snapshot.FindService(dialled)) {
    const model::RouteTable* routes = service->RoutesFor(client_namespace);
    if (routes != nullptr && routes->layer != model::RouteLayer::kHttp) {
      return {.service = service, .cluster = service->cluster.get(), .routes = routes};
    }
    return {.protocol = service->protocol,
            .memory = config.MemoryOf(*service),
            .service = service,
            .cluster = service->cluster.get()};
  }
  const model::Workload* workload = snapshot.FindWorkload(dialled.ip);
  if (base::IsMeshPort(dialled.port)) return {.refused = CloseReason::kOwnPort};
  if (workload == nullptr) return {.refused = CloseReason::kNoDestination};
  const auto port = workload->ports.find(dialled.port);
  if (port == workload->ports.end()) return {};
  return {.protocol = port->second.protocol};
}

Plan RouteConnection(const RuntimeConfig& config, const Plan& plan, std::string_view server_name,
                     uint64_t random) {
  const model::HttpRule* rule = route::MatchConnection(*plan.routes, server_name);
  if (rule == nullptr) return {.refused = CloseReason::kNoRoute};
  const model::WeightedBackend* backend = route::PickBackend(*rule, random);
  if (backend == nullptr) return {.refused = CloseReason::kNoBackend};
  const model::ServicePort* service = config.snapshot().FindServiceByName(backend->service_port);
  if (!backend->invalid_reason.empty() || service == nullptr) {
    return {.refused = CloseReason::kInvalidBackend};
  }
  return {.service = service, .cluster = service->cluster.get()};
}

}  // namespace sluice::proxy
