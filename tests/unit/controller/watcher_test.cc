#include "controller/file/watcher.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/unit/controller/temp_folder.h"

namespace sluice::controller {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kDeadline = std::chrono::seconds(10);

std::unique_ptr<FolderWatcher> CreateOrDie(const std::string& path, const ManifestFolder& folder) {
  auto watcher = FolderWatcher::Create(path, folder);
  EXPECT_TRUE(watcher.ok()) << watcher.status();
  return watcher.ok() ? *std::move(watcher) : nullptr;
}

// Runs the watcher until it reports; false if it does not by the deadline.
bool WaitForReport(FolderWatcher& watcher, Clock::duration within = kDeadline) {
  const auto end = Clock::now() + within;
  while (Clock::now() < end) {
    pollfd ready{.fd = watcher.fd(), .events = POLLIN};
    ::poll(&ready, 1, 100);
    if (ready.revents != 0 && watcher.Step()) return true;
  }
  return false;
}

TEST(FolderWatcherTest, ReportsANewFile) {
  const TempFolder temp;
  const ManifestFolder folder(temp.path());
  const auto watcher = CreateOrDie(temp.path(), folder);

  temp.Write("a.yaml", "a: 1");

  EXPECT_TRUE(WaitForReport(*watcher));
}

TEST(FolderWatcherTest, ReportsWellUnderOneSecond) {
  const TempFolder temp;
  const ManifestFolder folder(temp.path());
  const auto watcher = CreateOrDie(temp.path(), folder);

  temp.Write("a.yaml", "a: 1");

  EXPECT_TRUE(WaitForReport(*watcher, std::chrono::milliseconds(900)));
}

TEST(FolderWatcherTest, ReportsARenameOverAFile) {
  const TempFolder temp;
  temp.Write("a.yaml", "a: 1");
  const ManifestFolder folder(temp.path());
  const auto watcher = CreateOrDie(temp.path(), folder);

  temp.Replace("a.yaml", "a: 2");

  EXPECT_TRUE(WaitForReport(*watcher));
}

TEST(FolderWatcherTest, ReportsARemovedFile) {
  const TempFolder temp;
  temp.Write("a.yaml", "a: 1");
  const ManifestFolder folder(temp.path());
  const auto watcher = CreateOrDie(temp.path(), folder);

  temp.Remove("a.yaml");

  EXPECT_TRUE(WaitForReport(*watcher));
}

TEST(FolderWatcherTest, JoinsWritesThatFollowEachOther) {
  const TempFolder temp;
  const ManifestFolder folder(temp.path());
  const auto watcher = CreateOrDie(temp.path(), folder);

  for (int i = 0; i < 20; ++i) temp.Write("a.yaml", std::string(static_cast<size_t>(i), '#'));

  // One report for all of them, then none until the next comparison finds nothing new.
  EXPECT_TRUE(WaitForReport(*watcher));
  EXPECT_FALSE(WaitForReport(*watcher, std::chrono::milliseconds(kComparePeriodMs * 2)));
}

// How Kubernetes changes a mounted ConfigMap: files are links through "..data", which is swapped as
// a whole.
TEST(FolderWatcherTest, ReportsASwappedLink) {
  const TempFolder temp;
  fs::create_directory(temp.Path("..v1"));
  fs::create_directory(temp.Path("..v2"));
  temp.Write("..v1/a.yaml", "a: 1");
  temp.Write("..v2/a.yaml", "a: 2");
  fs::create_symlink("..v1", temp.Path("..data"));
  fs::create_symlink("..data/a.yaml", temp.Path("a.yaml"));
  const ManifestFolder folder(temp.path());
  const auto watcher = CreateOrDie(temp.path(), folder);

  fs::create_symlink("..v2", temp.Path("..data_tmp"));
  fs::rename(temp.Path("..data_tmp"), temp.Path("..data"));

  EXPECT_TRUE(WaitForReport(*watcher));
}

TEST(FolderWatcherTest, ReportsAChangeBehindALinkThatInotifyCannotSee) {
  const TempFolder elsewhere;
  elsewhere.Write("real.yaml", "a: 1");
  const TempFolder temp;
  fs::create_symlink(elsewhere.Path("real.yaml"), temp.Path("a.yaml"));
  const ManifestFolder folder(temp.path());
  const auto watcher = CreateOrDie(temp.path(), folder);

  elsewhere.Write("real.yaml", "a: 22");

  EXPECT_TRUE(WaitForReport(*watcher));
}

TEST(FolderWatcherTest, FollowsAFolderThatIsReplaced) {
  const TempFolder temp;
  const std::string path = temp.Path("manifests");
  fs::create_directory(path);
  const ManifestFolder folder(path);
  const auto watcher = CreateOrDie(path, folder);
  fs::rename(path, temp.Path("old"));
  EXPECT_TRUE(WaitForReport(*watcher));
  fs::create_directory(path);
  EXPECT_TRUE(WaitForReport(*watcher));

  temp.Write("manifests/a.yaml", "a: 1");

  EXPECT_TRUE(WaitForReport(*watcher));
}

TEST(FolderWatcherTest, FailsWithoutTheFolder) {
  const ManifestFolder folder("/nonexistent/manifests");

  const auto watcher = FolderWatcher::Create("/nonexistent/manifests", folder);

  ASSERT_FALSE(watcher.ok());
  EXPECT_NE(watcher.status().ToString().find("/nonexistent/manifests"), std::string::npos);
}

}  // namespace
}  // namespace sluice::controller
