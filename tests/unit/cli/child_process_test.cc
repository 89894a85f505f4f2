#include "userspace/cli/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace sluice::cli {
namespace {

TEST(ChildProcessTest, TellsTheExitStatus) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Start({"/bin/sh", "-c", "exit 7"});

  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(child->Wait().ToString(), "exit status 7");
}

TEST(ChildProcessTest, TellsTheSignal) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Start({"/bin/sleep", "600"});
  ASSERT_TRUE(child.ok()) << child.status();

  child->Signal(SIGTERM);

  EXPECT_EQ(child->Wait().ToString(), "signal 15 (Terminated)");
}

TEST(ChildProcessTest, FailsWithThePathOfAProgramThatIsNotThere) {
  const absl::StatusOr<ChildProcess> child = ChildProcess::Start({"/no/such/program"});

  EXPECT_THAT(std::string(child.status().message()), testing::HasSubstr("/no/such/program"));
}

TEST(ChildProcessTest, RunsInAProcessGroupOfItsOwn) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Start({"/bin/sleep", "600"});
  ASSERT_TRUE(child.ok()) << child.status();

  EXPECT_EQ(getpgid(child->pid()), child->pid());

  child->Signal(SIGKILL);
  (void)child->Wait();
}

}  // namespace
}  // namespace sluice::cli
