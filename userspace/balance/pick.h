// Endpoint choice: pure functions of a cluster, the worker's own load figures and a random number.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "userspace/model/snapshot.h"

namespace sluice::balance {

// What a worker knows of an endpoint, by EndpointSlot.index. A slot of another generation counts as
// fresh.
struct EndpointLoad {
  uint32_t generation = 0;
  uint32_t active_requests = 0;
};

// Least request of two (power of two choices): two distinct endpoints at random, the one with fewer
// active requests, the first on a tie. Endpoints in `excluded` (indices into the cluster; tried
// before) are passed over unless nothing else is left. Returns an index into cluster.endpoints;
// empty if the cluster has no endpoint.
std::optional<uint32_t> PickLeastRequest(const model::Cluster& cluster,
                                         absl::Span<const EndpointLoad> loads, uint64_t random,
                                         absl::Span<const uint32_t> excluded = {});

}  // namespace sluice::balance
