#include "userspace/proxy/turn_share.h"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

TEST(TurnShareTest, IsSpentByAsManyHeadsAsItHasSteps) {
  TurnShare share;
  share.Begin();
  uint32_t count = 0;
  for (; !share.IsSpent(); ++count) share.CountHead(0);
  EXPECT_EQ(count, kTurnSteps / kStepsOfHead);
}

TEST(TurnShareTest, ARefusedHeadIsWhatItCameTo) {
  TurnShare share;
  share.Begin();
  share.CountRefused(400'000);
  EXPECT_EQ(share.spent(), 400'000 / kRefusedBytesOfStep);
}

TEST(TurnShareTest, AReadHasItsLeastPartThoughTheShareIsSpent) {
  TurnShare share;
  share.Begin(kTurnStepsLater);
  share.Count(kTurnStepsLater);
  const uint32_t begin = share.spent();
  EXPECT_FALSE(share.IsSpentSince(begin));
  share.Count(kTurnStepsLeast);
  EXPECT_TRUE(share.IsSpentSince(begin));
}

}  // namespace
}  // namespace sluice::proxy
