#include "bench/load/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace sluice::bench {
namespace {

TEST(Histogram, SmallValuesHaveABucketEach) {
  for (uint64_t value = 0; value < 128; ++value) {
    EXPECT_EQ(Histogram::UpperBound(Histogram::BucketOf(value)), value);
  }
}

TEST(Histogram, EveryValueLiesInItsBucketWithin16PerMille) {
  for (uint64_t value = 1; value < Histogram::kValueMax / 3; value = value * 3 / 2 + 1) {
    const uint64_t upper = Histogram::UpperBound(Histogram::BucketOf(value));
    EXPECT_GE(upper, value);
    EXPECT_LE(static_cast<double>(upper - value), 0.016 * static_cast<double>(value)) << value;
  }
}

TEST(Histogram, BucketsFollowEachOtherWithoutGapOrOverlap) {
  for (size_t bucket = 0; bucket + 1 < Histogram::kBucketCount; ++bucket) {
    EXPECT_EQ(Histogram::BucketOf(Histogram::UpperBound(bucket)), bucket);
    EXPECT_EQ(Histogram::BucketOf(Histogram::UpperBound(bucket) + 1), bucket + 1);
  }
}

TEST(Histogram, WhatIsTooLongCountsAsTheLongest) {
  Histogram histogram;
  histogram.Record(~uint64_t{0});
  EXPECT_EQ(histogram.Percentile(1.0), Histogram::kValueMax);
}

TEST(Histogram, PercentilesAreRanks) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 100; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.Percentile(0.0), 1u);
  EXPECT_EQ(histogram.Percentile(0.5), 50u);
  EXPECT_EQ(histogram.Percentile(0.99), 99u);
  EXPECT_EQ(histogram.Percentile(1.0), 100u);
}

TEST(Histogram, AnEmptyOneHasNoPercentile) { EXPECT_EQ(Histogram{}.Percentile(0.5), 0u); }

TEST(Histogram, ForEachTellsWhatIsNotEmptyInOrder) {
  Histogram histogram;
  for (const uint64_t value : {7u, 3u, 7u}) histogram.Record(value);
  std::vector<std::pair<uint64_t, uint64_t>> seen;
  histogram.ForEach([&](uint64_t upper, uint64_t count) { seen.emplace_back(upper, count); });
  EXPECT_THAT(seen, testing::ElementsAre(testing::Pair(3, 1), testing::Pair(7, 2)));
  EXPECT_EQ(histogram.total(), 3u);
}

}  // namespace
}  // namespace sluice::bench
