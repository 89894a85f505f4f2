// Gives every endpoint address a small index, so that workers can keep their state of endpoints in
// plain arrays. One slot per address, counted by its users; a slot that nobody uses is given to a
// new address with the next generation. Releases take effect at Settle: an address that moves from
// one cluster to another keeps its slot. Thread: the builder's.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "userspace/base/address.h"
#include "userspace/model/snapshot.h"

namespace sluice::model {

class EndpointSlots {
 public:
  EndpointSlot Acquire(const base::SocketAddress& address);
  // Requires: acquired before, once for each release.
  void Release(const base::SocketAddress& address);
  void Settle();

  uint32_t count() const { return count_; }  // Every index ever given is below it.

 private:
  struct Use {
    EndpointSlot slot;
    uint32_t users = 0;
  };
  absl::flat_hash_map<base::SocketAddress, Use> uses_;
  std::vector<base::SocketAddress> released_;  // Had no user at some time since Settle.
  std::vector<EndpointSlot> free_;             // With the generation of the next owner.
  uint32_t count_ = 0;
};

}  // namespace sluice::model
