#include "userspace/datapath/level.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::datapath {
namespace {

using ::testing::HasSubstr;

std::vector<ProbeResult> AllPassedBut(std::vector<std::string_view> failed) {
  std::vector<ProbeResult> probes;
  for (const std::string_view name :
       {kProbeRedirect, kProbeMemoryCharged, kProbeGuard, kProbeBusy, kProbeOrder, kProbeHalfClose,
        kProbeCloseUnread, kProbeFionreadNative, kProbeFionreadRedirected}) {
    const bool has_passed = std::find(failed.begin(), failed.end(), name) == failed.end();
    probes.push_back({.name = std::string(name), .has_passed = has_passed, .detail = ""});
  }
  return probes;
}

TEST(ChooseLevelTest, GivesWhatWasAskedForWhenAllPassed) {
  EXPECT_EQ(ChooseLevel(Acceleration::kFull, AllPassedBut({})).level, Acceleration::kFull);
  EXPECT_EQ(ChooseLevel(Acceleration::kSend, AllPassedBut({})).level, Acceleration::kSend);
  EXPECT_EQ(ChooseLevel(Acceleration::kOff, AllPassedBut({})).level, Acceleration::kOff);
}

TEST(ChooseLevelTest, HasNoReasonWhenNothingWasLowered) {
  EXPECT_EQ(ChooseLevel(Acceleration::kFull, AllPassedBut({kProbeFionreadNative})).reason, "");
}

TEST(ChooseLevelTest, AllowsFullWhereOnlyNativeBytesAreMisreported) {
  EXPECT_EQ(ChooseLevel(Acceleration::kFull, AllPassedBut({kProbeFionreadNative})).level,
            Acceleration::kFull);
}

TEST(ChooseLevelTest, FallsToSendWhereRedirectedBytesAreMisreported) {
  const LevelChoice choice =
      ChooseLevel(Acceleration::kFull, AllPassedBut({kProbeFionreadRedirected}));

  EXPECT_EQ(choice.level, Acceleration::kSend);
  EXPECT_THAT(choice.reason, HasSubstr("fionread_redirected"));
}

TEST(ChooseLevelTest, FallsToOffWhereBothAreMisreported) {
  const LevelChoice choice = ChooseLevel(
      Acceleration::kFull, AllPassedBut({kProbeFionreadRedirected, kProbeFionreadNative}));

  EXPECT_EQ(choice.level, Acceleration::kOff);
  EXPECT_THAT(choice.reason, HasSubstr("fionread_native"));
}

TEST(ChooseLevelTest, FallsToOffWhenSendIsAskedForWhereNativeBytesAreMisreported) {
  EXPECT_EQ(ChooseLevel(Acceleration::kSend, AllPassedBut({kProbeFionreadNative})).level,
            Acceleration::kOff);
}

TEST(ChooseLevelTest, FallsToOffWhenABasicProbeFailed) {
  for (const std::string_view name :
       {kProbeRedirect, kProbeMemoryCharged, kProbeGuard, kProbeOrder}) {
    EXPECT_EQ(ChooseLevel(Acceleration::kFull, AllPassedBut({name})).level, Acceleration::kOff)
        << name;
  }
}

TEST(ChooseLevelTest, TakesAMissingProbeAsFailed) {
  EXPECT_EQ(ChooseLevel(Acceleration::kFull, {}).level, Acceleration::kOff);
}

}  // namespace
}  // namespace sluice::datapath
