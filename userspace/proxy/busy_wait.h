// How long a send waits that a receiver without room has refused: doubling while the receiver may
// just be slow, then a small share of the time it has been asleep. So whoever wakes up waits little
// longer than it slept, and whoever never does costs next to nothing. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "userspace/proxy/limits.h"

namespace sluice::proxy {

// `previous_ns`: the last wait, 0 before the first; `asleep_ns`: since the first refusal.
constexpr uint64_t NextBusyWait(uint64_t previous_ns, uint64_t asleep_ns) {
  if (previous_ns == 0) return kBusyRetryFirst;
  const uint64_t share = std::min(asleep_ns / kBusyRetryShare, kBusyRetryMax);
  return std::max(std::min(previous_ns * 2, kBusyRetryDoubledMax), share);
}

}  // namespace sluice::proxy
