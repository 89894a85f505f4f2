#include "userspace/proxy/wait_policy.h"

namespace sluice::proxy {

io::WaitHint WaitPolicy::Choose(uint64_t now_ns, uint64_t deadline_ns) const {
  io::WaitHint hint{.deadline_ns = deadline_ns};
  const bool has_traffic = now_ns - last_traffic_ns_ < kRecentTraffic;
  if (!has_traffic) return hint;
  if (now_ns - last_concurrency_ns_ > kRecentConcurrency) {
    hint.spin_ns = spin_ns_;  // A lone client that waits for each answer.
  } else {
    hint.must_yield = work_in_flight_ >= kYieldConcurrency && now_ns >= no_yield_until_ns_;
  }
  return hint;
}

void WaitPolicy::Observe(uint64_t now_ns, uint32_t completions, uint64_t yielded_ns) {
  if (completions > 0) last_traffic_ns_ = now_ns;
  // Somebody computes on this processor and takes all he can get: sleeping ranks before him again.
  if (yielded_ns > kYieldTimeMax) no_yield_until_ns_ = now_ns + kYieldPause;
  work_sum_ += work_in_flight_ - work_sum_ / kMeanTurns;
  wants_short_slice_ =
      work_sum_ < kMeanTurns * (wants_short_slice_ ? kYieldConcurrency : kShortSliceConcurrency);
}

}  // namespace sluice::proxy
