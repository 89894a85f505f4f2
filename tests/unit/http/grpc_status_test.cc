#include "userspace/http/grpc_status.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(GrpcTimeoutTest, ReadsEveryUnit) {
  EXPECT_EQ(ParseGrpcTimeout("7n"), 7u);
  EXPECT_EQ(ParseGrpcTimeout("7u"), 7'000u);
  EXPECT_EQ(ParseGrpcTimeout("7m"), 7'000'000u);
  EXPECT_EQ(ParseGrpcTimeout("7S"), 7'000'000'000u);
  EXPECT_EQ(ParseGrpcTimeout("7M"), 420'000'000'000u);
  EXPECT_EQ(ParseGrpcTimeout("99999999M"), 5'999'999'940'000'000'000u);
  EXPECT_EQ(ParseGrpcTimeout("1H"), 3'600'000'000'000u);
}

TEST(GrpcTimeoutTest, RefusesWhatIsMalformed) {
  for (const char* text : {"", "7", "n", "7x", "123456789n", "-7n", "+7n", " 7n", "7 n", "7nn"})
    EXPECT_EQ(ParseGrpcTimeout(text), std::nullopt) << text;
}

TEST(GrpcTimeoutTest, TakesMoreThanAClockCanSayForTheLongestThatItCan) {
  EXPECT_EQ(ParseGrpcTimeout("2562047H"), 9'223'369'200'000'000'000u);
  EXPECT_EQ(ParseGrpcTimeout("2562048H"), kGrpcTimeoutMaxNs);
  EXPECT_EQ(ParseGrpcTimeout("5124096H"), kGrpcTimeoutMaxNs);  // Modulo 2^64 it was 25 minutes.
  EXPECT_EQ(ParseGrpcTimeout("99999999H"), kGrpcTimeoutMaxNs);
}

}  // namespace
}  // namespace sluice::http
