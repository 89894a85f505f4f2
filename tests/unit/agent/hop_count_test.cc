#include "userspace/agent/hop_count.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::agent {
namespace {

TEST(HopCountTest, AddsBothFamilies) { EXPECT_EQ(*AddFamilies(2, 3), 5u); }

TEST(HopCountTest, TakesAKernelWithoutIpv6AsOneWithoutItsSockets) {
  EXPECT_EQ(*AddFamilies(2, absl::NotFoundError("no handler")), 2u);
}

TEST(HopCountTest, TakesWhatCannotBeCountedForAnErrorAndNotForNone) {
  EXPECT_TRUE(absl::IsNotFound(AddFamilies(absl::NotFoundError("no handler"), 3).status()));
  EXPECT_TRUE(absl::IsInternal(AddFamilies(2, absl::InternalError("cut off")).status()));
}

TEST(HopCountTest, SaysSoWhenTheKernelGivesNoSocketToAskBy) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int free = dup(STDERR_FILENO);
  close(free);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(free), .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);

  const absl::StatusOr<size_t> count = CountHops();

  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(count.ok());
}

TEST(HopCountTest, FindsNoneInANamespaceWithoutDials) {
  const absl::StatusOr<size_t> count = CountHops();

  ASSERT_TRUE(count.ok()) << count.status();
  EXPECT_EQ(*count, 0u);
}

}  // namespace
}  // namespace sluice::agent
