// What becomes of an accepted connection: decided from the dialled address and the configuration
// alone. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "userspace/base/address.h"
#include "userspace/base/unique_fd.h"
#include "userspace/model/snapshot.h"
#include "userspace/proxy/close_reason.h"
#include "userspace/proxy/runtime_config.h"

namespace sluice::proxy {

class PortMemory;

// A connection as the listener knows it.
struct Accepted {
  uint32_t pod_id = 0;          // The pod whose listener it came to.
  bool is_inbound = false;      // From outside the mesh to this pod.
  base::SocketAddress client;   // As the server shall see it; the port is the client's own.
  base::SocketAddress dialled;  // The original destination.
  base::UniqueFd fd;
  // What was read from `fd` already, to tell the protocol by; then `protocol` says what it is.
  std::string first_bytes;
  model::Protocol protocol = model::Protocol::kTcp;
};

// Exactly one of: refused, a service, a workload port, or the dialled address itself.
struct Plan {
  CloseReason refused = CloseReason::kNone;
  model::Protocol protocol = model::Protocol::kTcp;
  std::shared_ptr<PortMemory> memory;           // With kAuto; null where none is kept.
  const model::ServicePort* service = nullptr;  // Lives as long as the configuration.
  const model::Cluster* cluster = nullptr;      // Null: connect to the dialled address.
  const model::RouteTable* routes = nullptr;    // Of connections; null: there are none.
};

// `client_namespace`: of the pod that dialled, whose own routes go before the others.
Plan MakePlan(const RuntimeConfig& config, const base::SocketAddress& dialled, bool is_inbound,
              std::string_view client_namespace = "");
// The plan of a connection that is routed as a whole (`plan.routes` is not null): to the rule's
// backend, by weight, or refused.
Plan RouteConnection(const RuntimeConfig& config, const Plan& plan, std::string_view server_name,
                     uint64_t random);

}  // namespace sluice::proxy
