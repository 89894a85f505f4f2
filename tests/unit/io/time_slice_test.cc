#include "userspace/io/time_slice.h"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::io {
namespace {

constexpr uint64_t kSlice = 400'000;

// A thread of its own: the slice stays with it.
template <typename Body>
void OnAnotherThread(Body body) {
  std::thread(body).join();
}

TEST(TimeSlice, IsWhatWasSetWhereTheKernelHasSlices) {
  OnAnotherThread([] {
    if (TimeSlice() == 0) GTEST_SKIP() << "before Linux 6.12";
    SetTimeSlice(kSlice);
    EXPECT_EQ(TimeSlice(), kSlice);
  });
}

TEST(TimeSlice, IsTheKernelsOwnAgainAfterZero) {
  OnAnotherThread([] {
    const uint64_t own = TimeSlice();
    SetTimeSlice(kSlice);
    SetTimeSlice(0);
    EXPECT_EQ(TimeSlice(), own);
  });
}

}  // namespace
}  // namespace sluice::io
