#include "bench/load/histogram.h"

#include <algorithm>
#include <cmath>

namespace sluice::bench {

uint64_t Histogram::Percentile(double share) const {
  if (total_ == 0) return 0;
  const auto rank =
      static_cast<uint64_t>(std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(total_)));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBucketCount; ++bucket) {
    seen += counts_[bucket];
    if (seen >= std::max<uint64_t>(rank, 1)) return UpperBound(bucket);
  }
  return kValueMax;
}

}  // namespace sluice::bench
