// What the machine's lock remembers of runs that died.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "userspace/agent/machine.h"

namespace sluice::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MachineLockTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/sluice-lock-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Dir(const std::string& name) const { return folder_ + "/" + name; }
  // The start of a run with that state folder.
  MachineLock Take(const std::string& name) {
    absl::StatusOr<MachineLock> lock = MachineLock::Take(folder_ + "/lock", Dir(name));
    EXPECT_TRUE(lock.ok()) << lock.status();
    return *std::move(lock);
  }
  // A run that has changed something, by its journal.
  void Journal(const std::string& name) {
    std::filesystem::create_directory(Dir(name));
    std::ofstream(Dir(name) + "/undo.json") << "{}";
  }
  void Die(const std::string& name) {
    Take(name);
    Journal(name);
  }

  std::string folder_;
};

TEST_F(MachineLockTest, RemembersTheFolderOfARunThatDied) {
  Die("a");

  EXPECT_THAT(Take("b").unclean_state_dirs(), ElementsAre(Dir("a")));
}

TEST_F(MachineLockTest, RemembersItAfterAStartInAnotherFolderThatFailedEarly) {
  Die("a");
  Take("b");

  EXPECT_THAT(Take("c").unclean_state_dirs(), ElementsAre(Dir("a")));
}

TEST_F(MachineLockTest, RemembersBothWhenTheSecondDiesBeforeItTookOverTheFirst) {
  Die("a");
  Die("b");

  EXPECT_THAT(Take("a").unclean_state_dirs(), ElementsAre(Dir("b"), Dir("a")));
  EXPECT_THAT(Take("c").unclean_state_dirs(), ElementsAre(Dir("a"), Dir("b")));
}

TEST_F(MachineLockTest, ForgetsWhatWasTakenOver) {
  Die("a");
  {
    MachineLock lock = Take("b");
    Journal("b");
    EXPECT_TRUE(lock.ForgetEarlier().ok());
  }

  EXPECT_THAT(Take("c").unclean_state_dirs(), ElementsAre(Dir("b")));
}

TEST_F(MachineLockTest, RemembersNothingAfterACleanEnd) {
  Journal("a");
  Take("a").MarkClean();

  EXPECT_THAT(Take("b").unclean_state_dirs(), IsEmpty());
}

TEST_F(MachineLockTest, TellsWhoHoldsIt) {
  const MachineLock held = Take("a");

  const auto second = MachineLock::Take(folder_ + "/lock", Dir("b"));

  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()),
              testing::HasSubstr("pid " + std::to_string(getpid())));
}

TEST_F(MachineLockTest, RefusesMoreFoldersThanItsFileMayHold) {
  const std::string long_name(200, 'n');
  std::ofstream file(folder_ + "/lock");
  file << "1\n";
  for (int i = 0; i < 300; ++i) {
    const std::string name = long_name + std::to_string(i);
    Journal(name);
    file << Dir(name) << "\n";
  }
  file.close();

  const auto lock = MachineLock::Take(folder_ + "/lock", Dir("a"));

  EXPECT_TRUE(absl::IsResourceExhausted(lock.status())) << lock.status();
}

}  // namespace
}  // namespace sluice::agent
