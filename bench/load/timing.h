// What the generators share about time. Units: nanoseconds of one monotonic clock.
#pragma once

#include <cstdint>
#include <optional>

#include "bench/load/options.h"
#include "bench/load/results.h"
#include "bench/load/schedule.h"
#include "userspace/base/clock.h"

namespace sluice::bench {

inline constexpr int64_t kSecondNs = 1'000'000'000;
inline constexpr int64_t kDrainNs = kSecondNs;  // How long answers may take after the end of a run.

inline int64_t Now() { return static_cast<int64_t>(base::MonotonicNanos()); }

// Begins now.
inline Schedule ScheduleOf(const LoadOptions& options) {
  const int64_t start_ns = Now();
  const double seconds = options.warm_up_s + options.seconds;
  return {start_ns, start_ns + static_cast<int64_t>(seconds * 1e9), options.rate_per_s};
}

// What was due in an open loop and could not even be sent has waited until now at least.
inline void CountUnsent(Schedule& schedule, int64_t now_ns, int64_t measured_from_ns,
                        Results& results) {
  if (!schedule.is_open_loop()) return;
  while (const std::optional<int64_t> intended_ns = schedule.Take(now_ns)) {
    ++results.unsent;
    if (*intended_ns >= measured_from_ns)
      results.latency.Record(static_cast<uint64_t>(now_ns - *intended_ns));
  }
}

}  // namespace sluice::bench
