#include "userspace/proxy/dial_pace.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "userspace/proxy/limits.h"
#include "userspace/proxy/upstream_pool.h"

namespace sluice::proxy {
namespace {

UpstreamPoolKey Key(uint32_t pod_id, uint16_t port) {
  return {.accepting_pod_id = pod_id,
          .client = *base::IpAddress::Parse("10.0.0.1"),
          .endpoint = {.ip = *base::IpAddress::Parse("10.9.0.1"), .port = port}};
}

class DialPaceTest : public testing::Test {
 protected:
  ~DialPaceTest() override {
    for (UpstreamPool* pool : {&one_, &two_, &other_}) pace_.Remove(*pool);
  }
  uint32_t CountAtOnce(uint32_t pod_id) {
    uint32_t count = 0;
    while (count < 1000 && pace_.MayDial(pod_id)) ++count;
    return count;
  }

  DialPace pace_;
  UpstreamPool one_{Key(1, 80)};
  UpstreamPool two_{Key(1, 81)};
  UpstreamPool other_{Key(2, 80)};
};

TEST_F(DialPaceTest, EachPodDialsAFewAtOnce) {
  EXPECT_EQ(CountAtOnce(1), kPacedDialsAtOnce);
  EXPECT_EQ(CountAtOnce(2), kPacedDialsAtOnce);
}

TEST_F(DialPaceTest, WhoAsksAnewComesBehindWhoWaits) {
  pace_.Add(one_);
  EXPECT_EQ(CountAtOnce(1), 0u);
  EXPECT_EQ(CountAtOnce(2), kPacedDialsAtOnce);
  pace_.Remove(one_);
  EXPECT_EQ(CountAtOnce(1), kPacedDialsAtOnce);
}

TEST_F(DialPaceTest, PodsHaveTurnsHoweverManyEndpointsOneAsksFor) {
  pace_.Add(one_);
  pace_.Add(two_);
  pace_.Add(other_);
  std::vector<UpstreamPool*> turns;
  for (int i = 0; i < 6; ++i) turns.push_back(pace_.Next());
  EXPECT_EQ(turns, (std::vector<UpstreamPool*>{&one_, &other_, &two_, &other_, &one_, &other_}));
}

TEST_F(DialPaceTest, WhoWaitsNoMoreHasNoTurn) {
  pace_.Add(one_);
  pace_.Add(other_);
  pace_.Remove(one_);
  pace_.Remove(one_);
  EXPECT_EQ(pace_.Next(), &other_);
  EXPECT_EQ(pace_.Next(), &other_);
  pace_.Remove(other_);
  EXPECT_EQ(pace_.Next(), nullptr);
}

TEST_F(DialPaceTest, WhatWasTakenComesBackWithTheIntervals) {
  CountAtOnce(1);
  pace_.Advance();
  EXPECT_EQ(CountAtOnce(1), kPacedDialsPerInterval);
  for (uint32_t i = 0; i < kPacedDialsAtOnce / kPacedDialsPerInterval; ++i) {
    EXPECT_FALSE(pace_.is_idle());
    pace_.Advance();
  }
  EXPECT_TRUE(pace_.is_idle());
  EXPECT_EQ(CountAtOnce(1), kPacedDialsAtOnce);
}

TEST_F(DialPaceTest, NothingComesBackWhileSomebodyWaits) {
  CountAtOnce(1);
  pace_.Add(one_);
  for (uint32_t i = 0; i < kPacedDialsAtOnce; ++i) pace_.Advance();
  EXPECT_FALSE(pace_.is_idle());
  pace_.Remove(one_);
  EXPECT_EQ(CountAtOnce(1), 0u);
}

}  // namespace
}  // namespace sluice::proxy
