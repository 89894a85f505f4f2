#include "userspace/balance/pick.h"

#include <algorithm>

namespace sluice::balance {
namespace {

using model::Cluster;

uint32_t ActiveRequests(const model::EndpointSlot& slot, absl::Span<const EndpointLoad> loads) {
  if (slot.index >= loads.size() || loads[slot.index].generation != slot.generation) return 0;
  return loads[slot.index].active_requests;
}

// True if `excluded[position]` names an endpoint, for the first time.
bool Counts(absl::Span<const uint32_t> excluded, size_t position, uint32_t endpoint_count) {
  const auto first = std::find(excluded.begin(), excluded.end(), excluded[position]);
  return excluded[position] < endpoint_count && first == excluded.begin() + position;
}

uint32_t CountExcluded(absl::Span<const uint32_t> excluded, uint32_t endpoint_count) {
  uint32_t count = 0;
  for (size_t i = 0; i < excluded.size(); ++i) count += Counts(excluded, i, endpoint_count) ? 1 : 0;
  return count;
}

// The index of the `rank`th endpoint that is not excluded. `excluded` has a few entries at most
// (one per try), so it is searched again until no more of them lie below the answer.
uint32_t SkipExcluded(uint32_t rank, absl::Span<const uint32_t> excluded, uint32_t endpoint_count) {
  uint32_t index = rank;
  for (;;) {
    uint32_t below = 0;
    for (size_t i = 0; i < excluded.size(); ++i) {
      below += excluded[i] <= index && Counts(excluded, i, endpoint_count) ? 1 : 0;
    }
    if (rank + below == index) return index;
    index = rank + below;
  }
}

}  // namespace

std::optional<uint32_t> PickLeastRequest(const Cluster& cluster,
                                         absl::Span<const EndpointLoad> loads, uint64_t random,
                                         absl::Span<const uint32_t> excluded) {
  const auto endpoint_count = static_cast<uint32_t>(cluster.endpoints.size());
  if (endpoint_count == 0) return std::nullopt;
  uint32_t candidate_count = endpoint_count - CountExcluded(excluded, endpoint_count);
  if (candidate_count == 0) {
    excluded = {};
    candidate_count = endpoint_count;
  }
  const uint32_t low = static_cast<uint32_t>(random);
  const uint32_t high = static_cast<uint32_t>(random >> 32);
  const uint32_t first_rank = low % candidate_count;
  const uint32_t first = SkipExcluded(first_rank, excluded, endpoint_count);
  if (candidate_count == 1) return first;
  // Among the others: ranks from the first's own on move up by one.
  const uint32_t other_rank = high % (candidate_count - 1);
  const uint32_t second =
      SkipExcluded(other_rank < first_rank ? other_rank : other_rank + 1, excluded, endpoint_count);
  const uint32_t first_active = ActiveRequests(cluster.endpoints[first].slot, loads);
  const uint32_t second_active = ActiveRequests(cluster.endpoints[second].slot, loads);
  return second_active < first_active ? second : first;
}

}  // namespace sluice::balance
