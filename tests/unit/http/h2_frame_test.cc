// Tests are named after the section of RFC 9113 they hold the code to.
#include "userspace/http/h2_frame.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/unit/http/hpack_bytes.h"

namespace sluice::http {
namespace {

H2Reason Check(H2FrameType type, uint32_t size, uint32_t stream, uint8_t flags = 0) {
  return CheckFrameHeader(
      {.size = size, .type = static_cast<uint8_t>(type), .flags = flags, .stream = stream},
      kH2FrameSizeMin);
}

TEST(H2FrameRfc9113Test, Section4_1ReadsTheHeaderAndDropsTheReservedBit) {
  const H2FrameHeader header = ReadFrameHeader(FromHex("0102030405ffffffff").data());
  EXPECT_EQ(header.size, 0x010203u);
  EXPECT_EQ(header.type, 4);
  EXPECT_EQ(header.flags, 5);
  EXPECT_EQ(header.stream, 0x7fffffffu);
}

TEST(H2FrameRfc9113Test, Section4_1WritesWhatItReads) {
  std::string out;
  PutFrameHeader({.size = 0x010203, .type = 9, .flags = 4, .stream = 7}, out);
  EXPECT_EQ(out, FromHex("010203090400000007"));
}

TEST(H2FrameRfc9113Test, Section4_1UnknownTypesAreLeftAlone) {
  EXPECT_EQ(CheckFrameHeader({.size = 3, .type = 10, .stream = 0}, 16384), H2Reason::kNone);
  EXPECT_EQ(CheckFrameHeader({.size = 3, .type = 255, .stream = 5}, 16384), H2Reason::kNone);
}

TEST(H2FrameRfc9113Test, Section4_2FramesAboveTheLimitAreRefused) {
  EXPECT_EQ(Check(H2FrameType::kData, 16384, 1), H2Reason::kNone);
  EXPECT_EQ(Check(H2FrameType::kData, 16385, 1), H2Reason::kFrameTooLarge);
  EXPECT_EQ(CheckFrameHeader({.size = 16385, .type = 77}, 16384), H2Reason::kFrameTooLarge);
}

TEST(H2FrameRfc9113Test, Section6FramesOfStreamsNeedOne) {
  for (const H2FrameType type :
       {H2FrameType::kData, H2FrameType::kHeaders, H2FrameType::kPriority, H2FrameType::kRstStream,
        H2FrameType::kPushPromise, H2FrameType::kContinuation}) {
    EXPECT_EQ(Check(type, 5, 0), H2Reason::kStreamIdInvalid) << static_cast<int>(type);
  }
}

TEST(H2FrameRfc9113Test, Section6FramesOfTheConnectionMayHaveNone) {
  for (const H2FrameType type :
       {H2FrameType::kSettings, H2FrameType::kPing, H2FrameType::kGoaway}) {
    EXPECT_EQ(Check(type, 8, 1), H2Reason::kStreamIdInvalid) << static_cast<int>(type);
  }
}

TEST(H2FrameRfc9113Test, Section6FixedSizesAreExact) {
  struct Case {
    H2FrameType type;
    uint32_t size;
    uint32_t stream;
  };
  for (const Case& c : {Case{H2FrameType::kPriority, 5, 1}, Case{H2FrameType::kRstStream, 4, 1},
                        Case{H2FrameType::kPing, 8, 0}, Case{H2FrameType::kWindowUpdate, 4, 0},
                        Case{H2FrameType::kWindowUpdate, 4, 1}}) {
    EXPECT_EQ(Check(c.type, c.size, c.stream), H2Reason::kNone);
    EXPECT_EQ(Check(c.type, c.size - 1, c.stream), H2Reason::kFrameSizeInvalid);
    EXPECT_EQ(Check(c.type, c.size + 1, c.stream), H2Reason::kFrameSizeInvalid);
  }
}

TEST(H2FrameRfc9113Test, Section6_1PaddingMustFitThePayload) {
  const H2FrameHeader header = {.size = 5, .type = 0, .flags = kH2Padded, .stream = 1};
  EXPECT_EQ(ReadPadding(header, 4).bad, H2Reason::kNone);
  EXPECT_EQ(ReadPadding(header, 4).content_size, 0u);
  EXPECT_EQ(ReadPadding(header, 1).content_size, 3u);
  EXPECT_EQ(ReadPadding(header, 5).bad, H2Reason::kPaddingInvalid);
}

TEST(H2FrameRfc9113Test, Section6_1APaddedFrameHasItsLength) {
  EXPECT_EQ(Check(H2FrameType::kData, 0, 1, kH2Padded), H2Reason::kFrameSizeInvalid);
  EXPECT_EQ(Check(H2FrameType::kHeaders, 0, 1, kH2Padded), H2Reason::kFrameSizeInvalid);
}

TEST(H2FrameRfc9113Test, Section6_2PaddingAndPriorityAreTakenOff) {
  const std::string payload = FromHex("02") + FromHex("8000000310") + "block" + FromHex("0000");
  const H2FrameHeader header = {.size = static_cast<uint32_t>(payload.size()),
                                .type = 1,
                                .flags = kH2Padded | kH2Priority,
                                .stream = 5};
  const H2Padding found = ReadHeadersFragment(header, payload);
  EXPECT_EQ(found.bad, H2Reason::kNone);
  EXPECT_EQ(payload.substr(found.content_begin, found.content_size), "block");
}

TEST(H2FrameRfc9113Test, Section6_2PriorityMustFitThePayload) {
  const H2FrameHeader plain = {.size = 4, .type = 1, .flags = kH2Priority, .stream = 5};
  EXPECT_EQ(ReadHeadersFragment(plain, "1234").bad, H2Reason::kFrameSizeInvalid);
  const H2FrameHeader padded = {
      .size = 7, .type = 1, .flags = kH2Priority | kH2Padded, .stream = 5};
  EXPECT_EQ(ReadHeadersFragment(padded, FromHex("02000000000000")).bad, H2Reason::kPaddingInvalid);
}

TEST(H2FrameRfc9113Test, Section6_5SettingsComeInSixes) {
  EXPECT_EQ(Check(H2FrameType::kSettings, 12, 0), H2Reason::kNone);
  EXPECT_EQ(Check(H2FrameType::kSettings, 13, 0), H2Reason::kFrameSizeInvalid);
  EXPECT_EQ(Check(H2FrameType::kSettings, 6, 0, kH2Ack), H2Reason::kFrameSizeInvalid);
}

TEST(H2FrameRfc9113Test, Section6_5_2ValuesHaveTheirRanges) {
  const auto check = [](H2Setting id, uint32_t value) {
    return CheckSetting({.id = static_cast<uint16_t>(id), .value = value});
  };
  EXPECT_EQ(check(H2Setting::kEnablePush, 1), H2Reason::kNone);
  EXPECT_EQ(check(H2Setting::kEnablePush, 2), H2Reason::kSettingInvalid);
  EXPECT_EQ(check(H2Setting::kInitialWindowSize, 0x7fffffff), H2Reason::kNone);
  EXPECT_EQ(check(H2Setting::kInitialWindowSize, 0x80000000), H2Reason::kSettingWindowInvalid);
  EXPECT_EQ(check(H2Setting::kMaxFrameSize, 16383), H2Reason::kSettingInvalid);
  EXPECT_EQ(check(H2Setting::kMaxFrameSize, 16384), H2Reason::kNone);
  EXPECT_EQ(check(H2Setting::kMaxFrameSize, 16777215), H2Reason::kNone);
  EXPECT_EQ(check(H2Setting::kMaxFrameSize, 16777216), H2Reason::kSettingInvalid);
  EXPECT_EQ(check(static_cast<H2Setting>(0x1234), 0xffffffff), H2Reason::kNone);
}

TEST(H2FrameRfc8441Test, Section3EnableConnectProtocolIsZeroOrOne) {
  EXPECT_EQ(CheckSetting({.id = 8, .value = 1}), H2Reason::kNone);
  EXPECT_EQ(CheckSetting({.id = 8, .value = 2}), H2Reason::kSettingInvalid);
}

TEST(H2FrameRfc9113Test, Section6_8GoawayHasAtLeastEightBytes) {
  EXPECT_EQ(Check(H2FrameType::kGoaway, 7, 0), H2Reason::kFrameSizeInvalid);
  EXPECT_EQ(Check(H2FrameType::kGoaway, 100, 0), H2Reason::kNone);
}

TEST(H2FrameRfc9113Test, Section6_10ALongBlockIsCutIntoContinuations) {
  std::string out;
  PutHeaders(3, true, "abcdefgh", 3, out);
  EXPECT_EQ(out, FromHex("000003010100000003") + "abc" + FromHex("000003090000000003") + "def" +
                     FromHex("000002090400000003") + "gh");
}

TEST(H2FrameTest, WritesEachControlFrame) {
  std::string out;
  PutSettingsAck(out);
  PutPing("12345678", true, out);
  PutWindowUpdate(5, 0x01020304, out);
  PutRstStream(7, H2Error::kCancel, out);
  PutGoaway(9, H2Error::kEnhanceYourCalm, "why", out);
  EXPECT_EQ(out, FromHex("000000040100000000") + FromHex("000008060100000000") + "12345678" +
                     FromHex("00000408000000000501020304") + FromHex("00000403000000000700000008") +
                     FromHex("00000b070000000000000000090000000b") + "why");
}

TEST(H2ReasonTest, EachHasALabelOfItsOwnAndASentence) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kH2ReasonCount; ++i) {
    const auto reason = static_cast<H2Reason>(i);
    EXPECT_TRUE(names.insert(H2ReasonName(reason)).second) << H2ReasonName(reason);
    EXPECT_TRUE(H2ReasonText(reason).ends_with('.')) << H2ReasonName(reason);
    EXPECT_TRUE(i == 0 || H2ReasonName(reason).starts_with("h2_")) << i;
  }
}

}  // namespace
}  // namespace sluice::http
