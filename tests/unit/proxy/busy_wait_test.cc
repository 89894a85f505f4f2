#include "userspace/proxy/busy_wait.h"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

TEST(BusyWaitTest, BeginsShortAndDoubles) {
  EXPECT_EQ(NextBusyWait(0, 0), kBusyRetryFirst);
  EXPECT_EQ(NextBusyWait(kBusyRetryFirst, kBusyRetryFirst), 2 * kBusyRetryFirst);
}

TEST(BusyWaitTest, StaysShortForAReceiverThatIsOnlySlow) {
  EXPECT_EQ(NextBusyWait(kBusyRetryDoubledMax, 100 * kMillisecond), kBusyRetryDoubledMax);
}

TEST(BusyWaitTest, IsAShareOfALongSleepAndNeverMoreThanTheLongest) {
  EXPECT_EQ(NextBusyWait(kBusyRetryDoubledMax, 8 * kSecond), 8 * kSecond / kBusyRetryShare);
  EXPECT_EQ(NextBusyWait(kBusyRetryMax, 3600 * kSecond), kBusyRetryMax);
}

TEST(BusyWaitTest, ASleeperOfAMinuteIsAskedRarely) {
  uint64_t asleep = 0;
  uint64_t wait = 0;
  int tries = 0;
  for (; asleep < 60 * kSecond; ++tries) {
    wait = NextBusyWait(wait, asleep);
    asleep += wait;
  }

  EXPECT_LT(tries, 150);  // At 20 ms each it would be 3,000.
}

}  // namespace
}  // namespace sluice::proxy
