#include "userspace/http/grpc_framing.h"

#include "gtest/gtest.h"
#include "tests/unit/http/hpack_bytes.h"

namespace sluice::http {
namespace {

TEST(GrpcFramerTest, CountsMessagesHoweverTheyAreCut) {
  const std::string content =
      FromHex("0000000003") + "abc" + FromHex("0100000000") + FromHex("0000000001") + "x";
  for (size_t step = 1; step <= content.size(); ++step) {
    GrpcFramer framer;
    for (size_t i = 0; i < content.size(); i += step) {
      ASSERT_EQ(framer.Feed(content.substr(i, step)), GrpcFault::kNone);
    }
    EXPECT_EQ(framer.message_count(), 3u) << step;
    EXPECT_TRUE(framer.is_between_messages());
  }
}

TEST(GrpcFramerTest, KnowsThatAMessageIsCut) {
  GrpcFramer framer;
  framer.Feed(FromHex("0000000003") + "ab");
  EXPECT_FALSE(framer.is_between_messages());
  EXPECT_EQ(framer.message_count(), 0u);
}

TEST(GrpcFramerTest, KnowsThatAPrefixIsCut) {
  GrpcFramer framer;
  framer.Feed(FromHex("000000"));
  EXPECT_FALSE(framer.is_between_messages());
}

TEST(GrpcFramerTest, RefusesAFlagThatIsNeitherZeroNorOne) {
  GrpcFramer framer;
  EXPECT_EQ(framer.Feed(FromHex("02")), GrpcFault::kFlagInvalid);
  EXPECT_EQ(framer.Feed(FromHex("00")), GrpcFault::kFlagInvalid);
}

TEST(GrpcFramerTest, RefusesAMessageAboveTheLimitBeforeItComes) {
  GrpcFramer framer(100);
  EXPECT_EQ(framer.Feed(FromHex("0000000064") + std::string(100, 'x')), GrpcFault::kNone);
  EXPECT_EQ(framer.Feed(FromHex("0000000065")), GrpcFault::kMessageTooLarge);
}

TEST(GrpcFramerTest, TakesTheLargestSize) {
  GrpcFramer framer;
  EXPECT_EQ(framer.Feed(FromHex("00ffffffff")), GrpcFault::kNone);
  EXPECT_FALSE(framer.is_between_messages());
}

}  // namespace
}  // namespace sluice::http
