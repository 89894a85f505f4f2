#include "userspace/cli/preflight.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;

class PreflightTest : public testing::Test {
 protected:
  PreflightTest() {
    std::string name = testing::TempDir() + "/sluice-preflight-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~PreflightTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST(KernelReleaseTest, ComparesMajorThenMinor) {
  EXPECT_TRUE(IsKernelAtLeast("6.1.0-18-amd64", 6, 1));
  EXPECT_TRUE(IsKernelAtLeast("6.18.44-custom", 6, 1));
  EXPECT_TRUE(IsKernelAtLeast("7.0", 6, 1));
  EXPECT_FALSE(IsKernelAtLeast("5.15.0", 6, 1));
  EXPECT_FALSE(IsKernelAtLeast("6.0-rc1", 6, 1));
  EXPECT_FALSE(IsKernelAtLeast("unknown", 6, 1));
}

TEST(RingSettingTest, ForbidsTheProxyUnlessItIsAllowedOrAGroupIs) {
  EXPECT_FALSE(IsRingForbidden("", ""));  // A kernel without the setting.
  EXPECT_FALSE(IsRingForbidden("0\n", "-1\n"));
  EXPECT_TRUE(IsRingForbidden("1\n", "-1\n"));
  EXPECT_FALSE(IsRingForbidden("1\n", "61337\n"));
  EXPECT_TRUE(IsRingForbidden("2\n", "61337\n"));
}

TEST(MountTableTest, FindsCgroup2WhereverItIsMounted) {
  EXPECT_TRUE(
      HasCgroup2Mount("proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"));
  EXPECT_FALSE(HasCgroup2Mount("cgroup /sys/fs/cgroup/cgroup2 cgroup rw 0 0\n"));
}

TEST_F(PreflightTest, NamesTheProgramThatIsMissing) {
  const absl::Status status = CheckPrograms(folder_);

  EXPECT_THAT(std::string(status.message()), HasSubstr("sluice-controller"));
}

TEST_F(PreflightTest, NamesTheProcessThatHoldsTheMachine) {
  const std::string path = folder_ + "/lock";
  std::ofstream(path) << "4242\n";
  base::UniqueFd holder(open(path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(holder.get(), LOCK_EX), 0);

  EXPECT_THAT(std::string(CheckNoOtherMesh(path).message()), HasSubstr("process 4242"));
}

TEST_F(PreflightTest, AllowsAMeshWhereTheLockIsFree) {
  const std::string path = folder_ + "/lock";
  std::ofstream(path) << "4242\n";

  EXPECT_TRUE(CheckNoOtherMesh(path).ok());
  EXPECT_TRUE(CheckNoOtherMesh(folder_ + "/none").ok());
}

TEST_F(PreflightTest, StateFolderBelongsToOneAtATime) {
  const std::string state = folder_ + "/a/state";
  absl::StatusOr<base::UniqueFd> first = TakeStateFolder(state);
  ASSERT_TRUE(first.ok()) << first.status();

  const absl::StatusOr<base::UniqueFd> second = TakeStateFolder(state);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(getpid())));

  first->Reset();
  EXPECT_TRUE(TakeStateFolder(state).ok());
}

TEST_F(PreflightTest, RefusesAStateFolderWhoseSocketsWouldHaveNoName) {
  EXPECT_FALSE(TakeStateFolder(folder_ + "/" + std::string(120, 'x')).ok());
}

}  // namespace
}  // namespace sluice::cli
