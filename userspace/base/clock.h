// Monotonic time as plain nanoseconds: cheap to keep, compare and subtract on the hot path.
#pragma once

#include <time.h>

#include <cstdint>

namespace sluice::base {

inline uint64_t MonotonicNanos() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace sluice::base
