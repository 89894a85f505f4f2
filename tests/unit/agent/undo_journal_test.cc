#include "userspace/agent/undo_journal.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace sluice::agent {
namespace {

class UndoJournalTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/undoXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path() const { return folder_ + "/undo.json"; }

  std::string folder_;
};

NamespaceUndo Undo(uint64_t cookie) {
  return {.path = "/run/netns/a",
          .cookie = cookie,
          .sysctls = {{"/proc/sys/net/ipv4/tcp_fwmark_accept", "0"}},
          .has_route_v4 = true,
          .has_route_v6 = cookie % 2 == 0};
}

TEST_F(UndoJournalTest, TellsTheNextRunWhatWasDone) {
  UndoJournal journal(Path(), "boot");
  ASSERT_TRUE(journal.RecordMount("/run/x/bpf").ok());
  ASSERT_TRUE(journal.RecordNamespace(Undo(18446744073709551615u)).ok());

  const auto earlier = UndoJournal(Path(), "boot").ReadEarlier();

  ASSERT_TRUE(earlier.ok()) << earlier.status();
  EXPECT_EQ(*earlier, journal.list());
}

TEST_F(UndoJournalTest, ForgetsWhatIsPutBack) {
  UndoJournal journal(Path(), "boot");
  ASSERT_TRUE(journal.RecordNamespace(Undo(1)).ok());
  ASSERT_TRUE(journal.RecordNamespace(Undo(2)).ok());
  ASSERT_TRUE(journal.ForgetNamespace(1).ok());

  EXPECT_EQ(UndoJournal(Path(), "boot").ReadEarlier()->namespaces,
            std::vector<NamespaceUndo>{Undo(2)});
}

TEST_F(UndoJournalTest, MeansNothingAfterAReboot) {
  UndoJournal journal(Path(), "boot");
  ASSERT_TRUE(journal.RecordNamespace(Undo(1)).ok());

  EXPECT_EQ(*UndoJournal(Path(), "another boot").ReadEarlier(), UndoList());
}

TEST_F(UndoJournalTest, IsEmptyAfterACleanEnd) {
  UndoJournal journal(Path(), "boot");
  ASSERT_TRUE(journal.RecordNamespace(Undo(1)).ok());
  ASSERT_TRUE(journal.Close().ok());

  EXPECT_EQ(*UndoJournal(Path(), "boot").ReadEarlier(), UndoList());
}

class UndoRefusalTest : public testing::TestWithParam<const char*> {};

TEST_P(UndoRefusalTest, RefusesATextOfAnotherShape) { EXPECT_FALSE(UndoFromText(GetParam()).ok()); }

INSTANTIATE_TEST_SUITE_P(
    Table, UndoRefusalTest,
    testing::Values(
        "", "[]", "{}", "{\"namespaces\": 1}", "{\"namespaces\": [1]}",
        "{\"namespaces\": [], \"bpffs_mount\": \"x\"}",
        R"({"namespaces": [{"path": "a", "cookie": 1, "sysctls": [], "families": []}]})",
        R"({"namespaces": [{"path": "/a", "cookie": -1, "sysctls": [], "families": []}]})",
        R"({"namespaces": [{"path": "/a", "cookie": 1, "sysctls": [{"file": "/etc/passwd", "old": ""}], "families": []}]})",
        R"({"namespaces": [{"path": "/a", "cookie": 1, "sysctls": [{"file": "/proc/sys/net/../x", "old": ""}],
            "families": []}]})",
        R"({"namespaces": [{"path": "/a", "cookie": 1, "sysctls": [], "families": ["4"]}]})"));

}  // namespace
}  // namespace sluice::agent
