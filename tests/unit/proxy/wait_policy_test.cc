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

TEST(WaitPolicyTest, PollsForALoneRelayHoweverManyAreOpen) {
  WaitPolicy policy(kSpinTime);
  int relay = 0;
  for (uint64_t now = kStart; now < kStart + kRecentTraffic; now += kRecentTraffic / 10) {
    policy.NoteRelayed(&relay, now);
    policy.Observe(now, 1, 0);
  }
  EXPECT_EQ(policy.Choose(kStart + kRecentTraffic, kDeadline).spin_ns, kSpinTime);
}

TEST(WaitPolicyTest, PollsNoMoreOnceTwoRelaysMoveBytes) {
  WaitPolicy policy(kSpinTime);
  int one = 0;
  int other = 0;
  policy.NoteRelayed(&one, kStart);
  policy.NoteRelayed(&other, kStart + kRecentTraffic / 2);
  policy.Observe(kStart + kRecentTraffic / 2, 1, 0);
  EXPECT_EQ(policy.Choose(kStart + kRecentTraffic / 2, kDeadline).spin_ns, 0U);
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

void ObserveTurns(WaitPolicy& policy, uint32_t turns) {
  for (uint32_t i = 0; i < turns; ++i) policy.Observe(kStart, 1, 0);
}

TEST(WaitPolicyTest, WantsAShortSliceWithFewExchangesOnAverage) {
  WaitPolicy policy = Busy(kShortSliceConcurrency - 1);
  ObserveTurns(policy, 1000);
  EXPECT_TRUE(policy.wants_short_slice());
}

TEST(WaitPolicyTest, WantsTheKernelsSliceWithManyExchangesOnAverage) {
  WaitPolicy policy = Busy(kYieldConcurrency + 1);
  ObserveTurns(policy, 1000);
  EXPECT_FALSE(policy.wants_short_slice());
}

TEST(WaitPolicyTest, KeepsItsSliceBetweenFewAndMany) {
  WaitPolicy policy = Busy(kShortSliceConcurrency);
  ObserveTurns(policy, 1000);
  const bool of_few = policy.wants_short_slice();
  for (uint32_t i = kShortSliceConcurrency; i < 2 * kYieldConcurrency; ++i)
    policy.BeginWork(kStart);
  ObserveTurns(policy, 1000);
  for (uint32_t i = kShortSliceConcurrency; i < 2 * kYieldConcurrency; ++i) policy.EndWork();
  ObserveTurns(policy, 1000);
  EXPECT_TRUE(of_few);
  EXPECT_FALSE(policy.wants_short_slice());
}

TEST(WaitPolicyTest, KeepsItsSliceThroughOneBurst) {
  WaitPolicy policy = Busy(1);
  ObserveTurns(policy, 1000);
  for (uint32_t i = 0; i < 4 * kYieldConcurrency; ++i) policy.BeginWork(kStart);
  ObserveTurns(policy, 5);
  EXPECT_TRUE(policy.wants_short_slice());
}

TEST(WaitPolicyTest, GoesOnYieldingWhereOthersRunShortly) {
  WaitPolicy policy = Busy(kYieldConcurrency);
  policy.Observe(kStart, 1, kYieldTimeMax);
  EXPECT_TRUE(policy.Choose(kStart, kDeadline).must_yield);
}

}  // namespace
}  // namespace sluice::proxy
