#include "userspace/proxy/plan.h"

#include "userspace/base/mesh_ports.h"

namespace sluice::proxy {

Plan MakePlan(const RuntimeConfig& config, const base::SocketAddress& dialled, bool is_inbound) {
  if (is_inbound && base::IsMeshPort(dialled.port)) return {.refused = CloseReason::kOwnPort};
  if (is_inbound) return {};  // The pod itself was dialled: relayed to it as it came.
  const model::Snapshot& snapshot = config.snapshot();
  if (const model::ServicePort* service = snapshot.FindService(dialled)) {
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

}  // namespace sluice::proxy
