#include "userspace/model/text.h"

#include <gtest/gtest.h>

#include <string>

#include "userspace/model/limits.h"
#include "userspace/model/regex.h"

namespace sluice::model {
namespace {

TEST(TextTest, TakesOnlyTokensInLowerCaseAsHeaderNames) {
  for (const char* good : {"x", "x-a_b.c", "!#$%&'*+-.^_`|~0"})
    EXPECT_TRUE(IsLowerToken(good)) << good;
  for (const char* bad : {"", "X", "a b", "a:", "a\r\n", "\xc3\xa4", "a/b", "(x)"})
    EXPECT_FALSE(IsLowerToken(bad)) << bad;
}

TEST(TextTest, TakesNoControlByteInAFieldValue) {
  EXPECT_TRUE(IsFieldValue(""));
  EXPECT_TRUE(IsFieldValue("a\tb \xff"));
  for (int byte = 0; byte < 0x20; ++byte) {
    EXPECT_EQ(IsFieldValue(std::string(1, static_cast<char>(byte))), byte == '\t') << byte;
  }
  EXPECT_FALSE(IsFieldValue("\x7f"));
}

TEST(TextTest, TakesOnlyWhatMayStandInATargetAsAPath) {
  for (const char* good : {"/", "/a/b", "/a%20b", "//"}) EXPECT_TRUE(IsPath(good)) << good;
  for (const char* bad : {"", "a", "/a b", "/a?b", "/a#b", "/a\r\nx: y", "/\xc3\xa4", "/\x7f"}) {
    EXPECT_FALSE(IsPath(bad)) << bad;
  }
}

TEST(TextTest, TakesAServiceNameOfTwoNames) {
  EXPECT_TRUE(IsServiceName("shop/web.shop.svc.cluster.local"));
  for (const char* bad : {"", "/", "a/", "/b", "a", "a/b/c", "a/b:80", "A/b", "a/b@c"}) {
    EXPECT_FALSE(IsServiceName(bad)) << bad;
  }
  EXPECT_FALSE(IsServiceName("a/" + std::string(kNameSizeMax + 1, 'b')));
}

TEST(TextTest, QuotesWhateverComesIntoOneShortLine) {
  EXPECT_EQ(Quote("a\"b\n\x01"), "\"a\\\"b\\n\\x01\"");
  EXPECT_EQ(Quote(std::string(100, 'a')), "\"" + std::string(64, 'a') + "...\"");
}

TEST(RegexTest, RefusesWhatIsTooLargeWhenCompiled) {
  EXPECT_FALSE(CompileRegex("((a{100}){100}){100}").ok());
  EXPECT_FALSE(CompileRegex(std::string(RouteLimits::kRegexSizeMax + 1, 'a')).ok());
  EXPECT_TRUE(CompileRegex("/v[0-9]+/.*").ok());
}

}  // namespace
}  // namespace sluice::model
