#include "userspace/route/query.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::route {
namespace {

TEST(QueryTest, DecodesEscapesAndLeavesBrokenOnesAlone) {
  EXPECT_EQ(PercentDecode("a%20b%2Fc%2f"), "a b/c/");
  EXPECT_EQ(PercentDecode("a+b"), "a+b");
  EXPECT_EQ(PercentDecode("%zz%2%"), "%zz%2%");
  EXPECT_EQ(PercentDecode("%25 20"), "% 20");
  EXPECT_EQ(PercentDecode("%00"), std::string(1, '\0'));
}

TEST(QueryTest, ComparesAsIfDecoded) {
  for (const char* encoded : {"", "plain", "a%20b", "%zz", "%2", "%", "%25", "a%2", "%41%42"}) {
    const std::string decoded = PercentDecode(encoded);
    EXPECT_TRUE(DecodedEquals(encoded, decoded)) << encoded;
    EXPECT_FALSE(DecodedEquals(encoded, decoded + "x")) << encoded;
    if (decoded.empty()) continue;
    EXPECT_FALSE(DecodedEquals(encoded, decoded.substr(1))) << encoded;
  }
}

TEST(QueryTest, FindsTheFirstParameterOfAName) {
  EXPECT_EQ(FindParameter("a=1&b=2&a=3", "a"), "1");
  EXPECT_EQ(FindParameter("a=1&b=2&a=3", "b"), "2");
  EXPECT_EQ(FindParameter("a=1", "c"), std::nullopt);
  EXPECT_EQ(FindParameter("", "a"), std::nullopt);
}

TEST(QueryTest, TellsAnEmptyValueFromNoParameter) {
  EXPECT_EQ(FindParameter("a", "a"), "");
  EXPECT_EQ(FindParameter("a=&b", "a"), "");
  EXPECT_EQ(FindParameter("&&a", "a"), "");
}

TEST(QueryTest, KeepsLaterEqualsSignsInTheValue) { EXPECT_EQ(FindParameter("a=b=c", "a"), "b=c"); }

TEST(QueryTest, DecodesNames) { EXPECT_EQ(FindParameter("%61%20=1", "a "), "1"); }

}  // namespace
}  // namespace sluice::route
