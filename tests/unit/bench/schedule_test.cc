#include "bench/load/schedule.h"

#include <gtest/gtest.h>

namespace sluice::bench {
namespace {

constexpr int64_t kMs = 1'000'000;

TEST(Schedule, AnOpenLoopIsDueByTheClockAlone) {
  Schedule schedule(0, 1000 * kMs, 1000);
  EXPECT_EQ(schedule.Take(0), 0);
  EXPECT_EQ(schedule.Take(kMs - 1), std::nullopt);
  EXPECT_EQ(schedule.Take(kMs), kMs);
}

TEST(Schedule, WhatAStallDelaysKeepsTheTimeAtWhichItWasDue) {
  Schedule schedule(0, 1000 * kMs, 1000);
  for (int64_t number = 0; number < 5; ++number) EXPECT_EQ(schedule.Take(50 * kMs), number * kMs);
}

TEST(Schedule, NothingIsDueAfterTheEnd) {
  Schedule schedule(0, 2 * kMs, 1000);
  EXPECT_EQ(schedule.Take(50 * kMs), 0);
  EXPECT_EQ(schedule.Take(50 * kMs), kMs);
  EXPECT_EQ(schedule.Take(50 * kMs), std::nullopt);
}

TEST(Schedule, AClosedLoopIsAlwaysDueUntilTheEnd) {
  Schedule schedule(0, 10 * kMs, 0);
  EXPECT_EQ(schedule.Take(3 * kMs), 3 * kMs);
  EXPECT_EQ(schedule.Take(3 * kMs), 3 * kMs);
  EXPECT_EQ(schedule.Take(10 * kMs), std::nullopt);
}

}  // namespace
}  // namespace sluice::bench
