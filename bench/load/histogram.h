// Counts of durations in buckets whose width grows with the value: an error of at most 1.6 % at any
// size, in 16 KiB. Units: nanoseconds. Bounds: what is longer than kValueMax counts as kValueMax.
// Thread: one.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice::bench {

class Histogram {
 public:
  static constexpr unsigned kValueBits = 37;
  static constexpr uint64_t kValueMax = (uint64_t{1} << kValueBits) - 1;  // 137 s.
  static constexpr unsigned kLinearBits = 6;
  static constexpr size_t kLinear = size_t{1} << kLinearBits;  // Values below have a bucket each.
  static constexpr size_t kBucketCount = (kValueBits - kLinearBits + 1) * kLinear;

  void Record(uint64_t value_ns) {
    ++counts_[BucketOf(value_ns < kValueMax ? value_ns : kValueMax)];
    ++total_;
  }

  uint64_t total() const { return total_; }

  // The upper bound of the bucket that holds the value which `share` (0..1) of all do not exceed; 0
  // if there are none.
  uint64_t Percentile(double share) const;

  // Calls visit(upper_bound_ns, count) for every bucket that is not empty, in order.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (size_t bucket = 0; bucket < kBucketCount; ++bucket) {
      if (counts_[bucket] != 0) visit(UpperBound(bucket), counts_[bucket]);
    }
  }

  static constexpr size_t BucketOf(uint64_t value) {
    if (value < kLinear) return value;
    const unsigned shift = std::bit_width(value) - kLinearBits - 1;
    return (shift + 1) * kLinear + (value >> shift) - kLinear;
  }

  // The largest value that falls into the bucket.
  static constexpr uint64_t UpperBound(size_t bucket) {
    if (bucket < kLinear) return bucket;
    const size_t shift = bucket / kLinear - 1;
    return ((bucket % kLinear + kLinear + 1) << shift) - 1;
  }

 private:
  std::array<uint64_t, kBucketCount> counts_{};
  uint64_t total_ = 0;
};

}  // namespace sluice::bench
