// When requests are meant to be sent. In an open loop that is fixed beforehand and does not wait
// for answers, so a server that stalls is charged with every request that the stall delays, not
// only with the one it holds. Units: nanoseconds of one monotonic clock. Thread: one.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice::bench {

class Schedule {
 public:
  // `rate_per_s` 0: a closed loop, in which a request is meant for the moment at which a connection
  // is free.
  Schedule(int64_t start_ns, int64_t end_ns, double rate_per_s)
      : start_ns_(start_ns), end_ns_(end_ns), rate_per_s_(rate_per_s) {}

  // Takes the next request that is due; nullopt if none is.
  std::optional<int64_t> Take(int64_t now_ns) {
    const int64_t intended_ns = NextAt(now_ns);
    if (intended_ns > now_ns || intended_ns >= end_ns_) return std::nullopt;
    ++taken_;
    return intended_ns;
  }

  // When the next request is due; in a closed loop that is now.
  int64_t NextAt(int64_t now_ns) const {
    if (rate_per_s_ <= 0) return now_ns;
    return start_ns_ + static_cast<int64_t>(static_cast<double>(taken_) * 1e9 / rate_per_s_);
  }

  int64_t end_ns() const { return end_ns_; }
  bool is_open_loop() const { return rate_per_s_ > 0; }

 private:
  int64_t start_ns_;
  int64_t end_ns_;
  double rate_per_s_;
  uint64_t taken_ = 0;
};

}  // namespace sluice::bench
