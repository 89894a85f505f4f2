#include "userspace/proxy/wait_policy.h"

#include <gtest/gtest.h>

#include "userspace/proxy/limits.h"

namespace sluice::proxy {
namespace {

constexpr uint64_t kStart = 100 * kSecond;
constexpr uint64_t kDeadline = 200 * kSecond;

// A policy that has just seen traffic with so many exchanges in flight.
WaitPolicy Busy(uint32_t exchanges) {
  WaitPolicy policy(kSpinTime);
  for (uint32_t i = 0; i < exchanges; ++i) policy.BeginWork(kStart);
  policy.Observe(kStart, 1, 0);
  return policy;
}

TEST(WaitPolicyTest, SleepsAtOnceWithoutTraffic) {
  const io::WaitHint hint = WaitPolicy(kSpinTime).Choose(kStart, kDeadline);
  EXPECT_EQ(hint.deadline_ns, kDeadline);
  EXPECT_EQ(hint.spin_ns, 0U);
  EXPECT_FALSE(hint.must_yield);
}

TEST(WaitPolicyTest, PollsForALoneClient) {
  const io::WaitHint hint = Busy(1).Choose(kStart, kDeadline);
  EXPECT_EQ(hint.spin_ns, kSpinTime);
  EXPECT_FALSE(hint.must_yield);
}

TEST(WaitPolicyTest, SleepsAtOnceWithAFewExchanges) {
  const io::WaitHint hint = Busy(kYieldConcurrency - 1).Choose(kStart, kDeadline);
  EXPECT_EQ(hint.spin_ns, 0U);
  EXPECT_FALSE(hint.must_yield);
}

TEST(WaitPolicyTest, YieldsWithManyExchanges) {
  const io::WaitHint hint = Busy(kYieldConcurrency).Choose(kStart, kDeadline);
  EXPECT_EQ(hint.spin_ns, 0U);
  EXPECT_TRUE(hint.must_yield);
}

TEST(WaitPolicyTest, SleepsWhenTrafficHasEnded) {
  EXPECT_FALSE(Busy(kYieldConcurrency).Choose(kStart + kRecentTraffic, kDeadline).must_yield);
}

TEST(WaitPolicyTest, YieldsNoMoreForAWhileToOneWhoComputes) {
  WaitPolicy policy = Busy(kYieldConcurrency);
  policy.Observe(kStart, 1, kYieldTimeMax + 1);
  EXPECT_FALSE(policy.Choose(kStart, kDeadline).must_yield);
  policy.BeginWork(kStart + kYieldPause);
  policy.Observe(kStart + kYieldPause, 1, 0);
  EXPECT_TRUE(policy.Choose(kStart + kYieldPause, kDeadline).must_yield);
}

TEST(WaitPolicyTest, GoesOnYieldingWhereOthersRunShortly) {
  WaitPolicy policy = Busy(kYieldConcurrency);
  policy.Observe(kStart, 1, kYieldTimeMax);
  EXPECT_TRUE(policy.Choose(kStart, kDeadline).must_yield);
}

}  // namespace
}  // namespace sluice::proxy
