#include "userspace/base/text.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace sluice::base {
namespace {

TEST(ConcatTest, JoinsTextsOfEveryKindAndIntegers) {
  const std::string owned = "port ";
  const std::string_view viewed = "of ";

  EXPECT_EQ(Concat(owned, uint16_t{80}, " ", viewed, "web"), "port 80 of web");
}

TEST(ConcatTest, WritesTheWholeRangeOfIntegers) {
  EXPECT_EQ(Concat(std::numeric_limits<int64_t>::min(), "..", std::numeric_limits<uint64_t>::max()),
            "-9223372036854775808..18446744073709551615");
}

TEST(ConcatTest, KeepsZeroBytes) {
  EXPECT_EQ(Concat(std::string_view("a\0", 2), "b"), std::string("a\0b", 3));
}

TEST(ConcatTest, IsEmptyForNothing) { EXPECT_EQ(Concat(), ""); }

}  // namespace
}  // namespace sluice::base
