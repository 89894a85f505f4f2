#include "userspace/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sluice::base {
namespace {

using testing::EndsWith;
using testing::MatchesRegex;

// The logger is made once per process, and its name is taken from then on.
void StartOnce() {
  static const bool is_started = (StartLog("unit", LogLevel::kDebug), true);
  static_cast<void>(is_started);
}

// What `write` logs at level debug, without the last line feed.
template <typename Write>
std::string Logged(Write write) {
  testing::internal::CaptureStderr();
  StartOnce();
  write();
  std::string out = testing::internal::GetCapturedStderr();
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

TEST(LogTest, WritesTimeLevelComponentAndMessage) {
  EXPECT_THAT(Logged([] { LogInfo("ready"); }),
              MatchesRegex("[0-9-]+T[0-9:]+\\.[0-9]+Z info unit ready"));
}

TEST(LogTest, WritesFieldsInOrder) {
  EXPECT_THAT(Logged([] {
                LogError("lost", {{"pod", "shop/web"}, {"port", 80}});
              }),
              EndsWith(" lost pod=shop/web port=80"));
}

TEST(LogTest, QuotesAValueThatCouldBeReadAsSomethingElse) {
  EXPECT_THAT(Logged([] {
                LogInfo("x", {{"a", ""}, {"b", "two words"}, {"c", "k=v"}});
              }),
              EndsWith(" x a=\"\" b=\"two words\" c=\"k=v\""));
}

TEST(LogTest, EscapesQuotesAndBackslashes) {
  EXPECT_THAT(Logged([] {
                LogInfo("x", {{"a", "say \"hi\" \\"}});
              }),
              EndsWith(" a=\"say \\\"hi\\\" \\\\\""));
}

TEST(LogTest, KeepsAValueWithLineEndsOnOneLine) {
  const std::string line = Logged([] { LogInfo("x", {{"a", "1\r\n2000-01-01 error forged"}}); });

  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 0);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\r'), 0);
}

TEST(LogTest, LetsNoControlByteThrough) {
  const std::string line = Logged([] { LogInfo("x", {{"a", std::string("1\x1b[2J\0z\x7f", 8)}}); });

  EXPECT_TRUE(std::none_of(line.begin(), line.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  }));
}

TEST(ParseLogLevelTest, KnowsFourLevelsAndNothingElse) {
  LogLevel level = LogLevel::kInfo;

  EXPECT_TRUE(ParseLogLevel("debug", level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_TRUE(ParseLogLevel("error", level));
  EXPECT_FALSE(ParseLogLevel("Warning", level));
  EXPECT_FALSE(ParseLogLevel("", level));
  EXPECT_EQ(level, LogLevel::kError);
}

}  // namespace
}  // namespace sluice::base
