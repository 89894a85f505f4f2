#include "userspace/http/path.h"
#include "tests/unit/http/golden.h"
#include "userspace/http/h1.h"

namespace sluice::http {
namespace {

TEST(NormalisePathTest, FollowsTheTable) {
  GuardedText memory(kGoldenInputMax);
  for (const GoldenRow& row : ReadTable("path.tsv")) {
    std::string out = "old";
    bool changed = false;
    const bool is_sound =
        NormalisePath(PathNormalisation::kStrict, memory.Place(row.input), out, &changed);
    if (row.expected == "refused") {
      EXPECT_FALSE(is_sound) << row.name;
      continue;
    }
    EXPECT_TRUE(is_sound) << row.name;
    EXPECT_EQ(changed ? out : "=", row.expected) << row.name;
  }
}

TEST(NormalisePathTest, GivesAFormThatIsNormal) {
  for (const GoldenRow& row : ReadTable("path.tsv")) {
    std::string once;
    bool changed = false;
    if (!NormalisePath(PathNormalisation::kStrict, row.input, once, &changed) || !changed) continue;
    std::string twice;
    EXPECT_TRUE(NormalisePath(PathNormalisation::kStrict, once, twice, &changed)) << row.name;
    EXPECT_FALSE(changed) << row.name << ": " << once << " became " << twice;
  }
}

constexpr PathNormalisation kLevels[] = {PathNormalisation::kStrict, PathNormalisation::kNone,
                                         PathNormalisation::kBase, PathNormalisation::kMergeSlashes,
                                         PathNormalisation::kDecodeAndMergeSlashes};

// The normal form, "=" if it is the path itself, or "refused".
std::string Normalised(PathNormalisation level, std::string_view path) {
  std::string out = "old";
  bool changed = false;
  if (!NormalisePath(level, path, out, &changed)) return "refused";
  return changed ? out : "=";
}

TEST(NormalisePathTest, FollowsTheTableOfLevels) {
  GuardedText memory(kGoldenInputMax);
  for (const GoldenRow& row : ReadTable("path_levels.tsv")) {
    const std::vector<std::string> expected = Split(row.expected, ' ');
    ASSERT_EQ(expected.size(), std::size(kLevels)) << row.name;
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(Normalised(kLevels[i], memory.Place(row.input)), expected[i])
          << row.name << ", level " << i;
    }
  }
}

TEST(NormalisePathTest, GivesFormsThatAreNormalAtTheirLevel) {
  for (const char* table : {"path.tsv", "path_levels.tsv"}) {
    for (const GoldenRow& row : ReadTable(table)) {
      for (const PathNormalisation level : kLevels) {
        const std::string once = Normalised(level, row.input);
        if (once == "refused" || once == "=") continue;
        EXPECT_EQ(Normalised(level, once), "=") << row.name << ": " << once;
      }
    }
  }
}

TEST(WhyPathIsRefusedTest, NamesTheRule) {
  const struct {
    const char* path;
    const char* rule;
  } kRows[] = {{"b", "path_start"},
               {"/a%2", "path_escape"},
               {"/a%zz/../..", "path_escape"},
               {"/a%00", "path_nul"},
               {"/a b", "path_byte"},
               {"/\xc3\xa9", "path_byte"},
               {"/@s%2fp", "path_escaped_slash"},
               {"/a%5Cb", "path_escaped_slash"},
               {"/a\\b", "path_backslash"},
               {"/a/..;x=1/b", "path_dot_parameter"},
               {"/a/%2E%2e;", "path_dot_parameter"},
               {"/a/../../b", "path_above_root"},
               {"/%2e%2e/b", "path_above_root"}};
  for (const auto& row : kRows) {
    EXPECT_EQ(Normalised(PathNormalisation::kStrict, row.path), "refused") << row.path;
    EXPECT_EQ(WhyPathIsRefused(PathNormalisation::kStrict, row.path).rule, row.rule) << row.path;
  }
}

TEST(ParsePathNormalisationTest, KnowsEveryLevelByItsName) {
  const char* names[] = {"strict", "none", "base", "merge-slashes", "decode-and-merge-slashes"};
  for (size_t i = 0; i < std::size(kLevels); ++i) {
    EXPECT_EQ(ParsePathNormalisation(names[i]), kLevels[i]) << names[i];
  }
  EXPECT_EQ(ParsePathNormalisation("BASE"), std::nullopt);
  EXPECT_EQ(ParsePathNormalisation(""), std::nullopt);
}

}  // namespace
}  // namespace sluice::http
