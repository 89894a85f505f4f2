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

TEST(StatusTextTest, RefusesJsonThatIsNestedWithoutEnd) {
  const std::string json =
      "{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";

  EXPECT_FALSE(RenderStatus(json).ok());
  EXPECT_FALSE(IndentStatus(json).ok());
}

TEST(StatusTextTest, ShowsNoByteThatSteersWhereverItStands) {
  const std::string evil = "a\\u001b[2J\\u009b2J";
  const std::string text =
      RenderStatus("{\"node\": \"" + evil + "\", \"pods\": [{\"name\": \"" + evil +
                   "\"}], \"problems\": [{\"field\": \"" + evil + "\"}]}")
          .value();

  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
  EXPECT_THAT(text, testing::HasSubstr("a?[2J?2J: NOT READY"));
}

TEST(StatusTextTest, TakesNumbersOutOfRangeForNone) {
  for (const char* number : {"-1", "-1.5", "1e300", "-1e300"}) {
    const std::string json = std::string("{\"proxy\": {\"restarts\": ") + number + "}}";

    EXPECT_THAT(RenderStatus(json).value(), testing::HasSubstr(" 0 restarts")) << number;
  }
}

TEST(StatusTextTest, IndentsInAsciiAlone) {
  EXPECT_EQ(IndentStatus("{\"a\":\"\xc2\x9b\x7f\"}").value(),
            "{\n  \"a\": \"\\u009b\\u007f\"\n}\n");
  EXPECT_FALSE(IndentStatus("no JSON \x1b[2J").ok());
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
  EXPECT_EQ(Printable("a\xc2\x9b"
                      "2J"),
            "a?2J");  // U+009B, the same as ESC and "[".
  EXPECT_EQ(Printable("a\x9b\xe0\x82\x9b"
                      "b"),
            "a????b");  // Bytes that are no UTF-8.
}

TEST(TextTableTest, KeepsCharactersWhole) {
  EXPECT_EQ(Printable("caf\xc3\xa9 \xf0\x9f\x90\x8c"), "caf\xc3\xa9 \xf0\x9f\x90\x8c");
  EXPECT_THAT(Wrapped("abc\xc3\xa9"
                      "d",
                      4),
              ElementsAre("abc",
                          "\xc3\xa9"
                          "d"));
}

TEST(TextTableTest, WrapsAWordThatIsLongerThanTheWidth) {
  EXPECT_THAT(Wrapped("abcdefgh ij", 4), ElementsAre("abcd", "efgh", "ij"));
}

}  // namespace
}  // namespace sluice::cli
