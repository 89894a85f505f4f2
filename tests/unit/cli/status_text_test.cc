#include "userspace/cli/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "userspace/cli/text_table.h"

namespace sluice::cli {
namespace {

using ::testing::ElementsAre;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// tests/golden/cli/NAME.json must render as NAME.txt. SLUICE_UPDATE_GOLDEN=1 writes the text
// instead.
class StatusGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(StatusGoldenTest, RendersAsWritten) {
  const std::filesystem::path stem = std::filesystem::path(SLUICE_GOLDEN_DIR) / "cli" / GetParam();

  const absl::StatusOr<std::string> text = RenderStatus(ReadFile(stem.string() + ".json"));

  ASSERT_TRUE(text.ok()) << text.status();
  if (std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr)
    std::ofstream(stem.string() + ".txt") << *text;
  EXPECT_EQ(*text, ReadFile(stem.string() + ".txt"));
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), kTextWidth) << line;
}

std::vector<std::string> Cases() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(SLUICE_GOLDEN_DIR) / "cli")) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, StatusGoldenTest, testing::ValuesIn(Cases()),
                         [](const auto& parameter) { return parameter.param; });

TEST(StatusTextTest, RefusesWhatIsNoJsonObject) {
  EXPECT_FALSE(RenderStatus("{").ok());
  EXPECT_FALSE(RenderStatus("[]").ok());
}

TEST(TextTableTest, RightAlignsAColumnThatAsksForIt) {
  const TextTable table{.header = {"NAME", ">COUNT", "WHY"},
                        .rows = {{"a", "7", "x"}, {"longer", "12345", "y"}}};

  EXPECT_EQ(table.Render(""),
            "NAME    COUNT  WHY\n"
            "a           7  x\n"
            "longer  12345  y\n");
}

TEST(TextTableTest, WrapsTheLastColumnUnderItself) {
  const TextTable table{.header = {"K", "V"},
                        .rows = {{"a", std::string(90, 'x') + " tail tail tail"}}};

  EXPECT_EQ(table.Render(""), "K  V\na  " + std::string(90, 'x') + " tail\n   tail tail\n");
}

TEST(TextTableTest, ReplacesBytesThatWouldSteerATerminal) {
  EXPECT_EQ(Printable("a\x1b[2Jb\nc"), "a?[2Jb c");
}

TEST(TextTableTest, WrapsAWordThatIsLongerThanTheWidth) {
  EXPECT_THAT(Wrapped("abcdefgh ij", 4), ElementsAre("abcd", "efgh", "ij"));
}

}  // namespace
}  // namespace sluice::cli
