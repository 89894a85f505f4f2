// A token bucket of eight bytes. Thread: one owner.
#pragma once

#include <algorithm>
#include <cstdint>

#include "userspace/http/h2_limits.h"

namespace sluice::http {

class H2Bucket {
 public:
  explicit H2Bucket(const H2Rate& rate) : tokens_(rate.burst) {}

  // False: the rate is exceeded, and nothing is left.
  bool Take(const H2Rate& rate, uint64_t now_ns, uint32_t count = 1) {
    const auto now_ms = static_cast<uint32_t>(now_ns / 1'000'000);
    const uint64_t gained = static_cast<uint64_t>(now_ms - filled_ms_) * rate.per_s / 1000;
    if (gained > 0) {  // Else the time goes on counting towards the next token.
      tokens_ = static_cast<uint32_t>(std::min<uint64_t>(rate.burst, tokens_ + gained));
      filled_ms_ = now_ms;
    }
    const bool is_enough = tokens_ >= count;
    tokens_ = is_enough ? tokens_ - count : 0;
    return is_enough;
  }
  void Refund(const H2Rate& rate, uint32_t count) {
    tokens_ = std::min(rate.burst, tokens_ + count);
  }

 private:
  uint32_t tokens_;
  uint32_t filled_ms_ = 0;  // Wraps after 49 days, which costs or gives a burst once.
};

}  // namespace sluice::http
