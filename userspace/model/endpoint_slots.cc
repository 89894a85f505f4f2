#include "userspace/model/endpoint_slots.h"

#include "userspace/base/check.h"

namespace sluice::model {

EndpointSlot EndpointSlots::Acquire(const base::SocketAddress& address) {
  const auto [found, is_new] = uses_.try_emplace(address);
  Use& use = found->second;
  ++use.users;
  if (!is_new) return use.slot;
  if (free_.empty()) {
    use.slot = {.index = count_++, .generation = 1};  // So that a zeroed slot is nobody's.
  } else {
    use.slot = free_.back();
    free_.pop_back();
  }
  return use.slot;
}

void EndpointSlots::Release(const base::SocketAddress& address) {
  const auto found = uses_.find(address);
  SLUICE_CHECK(found != uses_.end() && found->second.users > 0);
  if (--found->second.users == 0) released_.push_back(address);
}

void EndpointSlots::Settle() {
  for (const base::SocketAddress& address : released_) {
    const auto found = uses_.find(address);
    if (found == uses_.end() || found->second.users > 0) continue;  // Named twice, or taken again.
    const EndpointSlot slot = found->second.slot;
    free_.push_back({.index = slot.index, .generation = slot.generation + 1});
    uses_.erase(found);
  }
  released_.clear();
}

}  // namespace sluice::model
