// The endpoint of one exchange or relay: which was chosen, which were tried before it, and its
// share in the endpoint's load. Thread: one worker. Requires: ReleaseLoad, or a Next that follows,
// for every Next that answered true.
#pragma once

#include <array>
#include <cstdint>

#include "userspace/base/address.h"
#include "userspace/model/snapshot.h"
#include "userspace/proxy/limits.h"

namespace sluice::proxy {

class Worker;

class EndpointChoice {
 public:
  // Chooses an endpoint of `cluster` that was not tried yet, by least requests of two; without a
  // cluster `dialled` itself is the only one. False: none is left, or enough were tried.
  [[nodiscard]] bool Next(Worker& worker, const model::Cluster* cluster,
                          const base::SocketAddress& dialled);
  void ReleaseLoad(Worker& worker);

  const base::SocketAddress& address() const { return address_; }  // Port 0: none was chosen.

 private:
  base::SocketAddress address_;
  model::EndpointSlot slot_;
  std::array<uint32_t, kEndpointAttemptsMax> tried_{};  // Indices into the cluster.
  uint32_t tried_count_ = 0;
  bool has_load_ = false;  // Counted in the endpoint's active requests.
};

}  // namespace sluice::proxy
