#include "userspace/io/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "userspace/base/prng.h"

namespace sluice::io {
namespace {

constexpr uint64_t kTickNs = 65'536;

struct Recorded {
  explicit Recorded(uint64_t deadline) : deadline_ns(deadline) {}
  static void Fire(void* self) { ++static_cast<Recorded*>(self)->fired; }
  uint64_t deadline_ns;
  int fired = 0;
  Timer timer{&Recorded::Fire, this};
};

TEST(TimerWheelTest, FiresOnceAfterTheDeadlineAndNotBefore) {
  TimerWheel wheel(0);
  Recorded timer(10'000'000);
  wheel.Arm(timer.timer, timer.deadline_ns);

  wheel.Advance(9'900'000);
  EXPECT_EQ(timer.fired, 0);
  wheel.Advance(10'000'000 + kTickNs);
  EXPECT_EQ(timer.fired, 1);
  wheel.Advance(20'000'000'000);
  EXPECT_EQ(timer.fired, 1);
}

TEST(TimerWheelTest, ADisarmedTimerNeverFires) {
  TimerWheel wheel(0);
  Recorded timer(1'000'000);
  wheel.Arm(timer.timer, timer.deadline_ns);
  timer.timer.Disarm();

  wheel.Advance(1'000'000'000);

  EXPECT_EQ(timer.fired, 0);
}

TEST(TimerWheelTest, APastDeadlineFiresInTheNextAdvance) {
  TimerWheel wheel(1'000'000'000);
  Recorded timer(5);
  wheel.Arm(timer.timer, timer.deadline_ns);

  wheel.Advance(1'000'000'000 + kTickNs);

  EXPECT_EQ(timer.fired, 1);
}

TEST(TimerWheelTest, SayingNothingIsArmedMeansNoDeadline) {
  TimerWheel wheel(0);
  EXPECT_EQ(wheel.NextDeadline(), UINT64_MAX);
}

// Thousands of random timers over eleven orders of magnitude: each fires once, within one tick of
// its deadline when the wheel is woken only at the moments it asked for.
TEST(TimerWheelTest, FiresEveryTimerInTimeWhenWokenOnlyAtNextDeadline) {
  base::Prng random(42);
  uint64_t now = 123'456'789'012;
  TimerWheel wheel(now);
  std::vector<std::unique_ptr<Recorded>> timers;
  for (int i = 0; i < 5000; ++i) {
    const unsigned magnitude = random.Next() % 44;
    timers.push_back(std::make_unique<Recorded>(now + random.Next() % (uint64_t{2} << magnitude)));
    wheel.Arm(timers.back()->timer, timers.back()->deadline_ns);
  }
  std::sort(timers.begin(), timers.end(),
            [](auto& a, auto& b) { return a->deadline_ns < b->deadline_ns; });

  size_t first_unfired = 0;
  for (int wakes = 0; wakes < 2'000'000 && first_unfired < timers.size(); ++wakes) {
    const uint64_t next = wheel.NextDeadline();
    ASSERT_NE(next, UINT64_MAX);
    ASSERT_LE(next, timers[first_unfired]->deadline_ns + 2 * kTickNs);
    now = std::max(now + 1, next);
    wheel.Advance(now);
    while (first_unfired < timers.size() && timers[first_unfired]->fired == 1) {
      EXPECT_LE(timers[first_unfired]->deadline_ns, now);
      ++first_unfired;
    }
  }

  EXPECT_EQ(first_unfired, timers.size());
}

}  // namespace
}  // namespace sluice::io
