#include "userspace/cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "userspace/cli/child_commands.h"

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;

ParsedCommandLine Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "sluicectl");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

TEST(OptionsTest, StandaloneHasTheDocumentedDefaults) {
  const ParsedCommandLine parsed = Parse({"standalone", "--manifests", "/"});

  ASSERT_TRUE(parsed.command) << parsed.message;
  const auto& options = std::get<StandaloneOptions>(*parsed.command);
  EXPECT_EQ(options.manifests_dir, "/");
  EXPECT_EQ(options.acceleration, "off");
  EXPECT_EQ(options.state_dir, "/run/sluice");
  EXPECT_EQ(options.access_log, "off");
}

TEST(OptionsTest, StandaloneNeedsAFolderOfManifests) {
  const ParsedCommandLine parsed = Parse({"standalone"});

  EXPECT_FALSE(parsed.command);
  EXPECT_EQ(parsed.exit_code, 2);
  EXPECT_THAT(parsed.message, HasSubstr("--manifests"));
}

TEST(OptionsTest, RefusesAFolderThatIsNotThere) {
  const ParsedCommandLine parsed = Parse({"standalone", "--manifests", "/no/such/folder"});

  EXPECT_FALSE(parsed.command);
  EXPECT_THAT(parsed.message, HasSubstr("/no/such/folder"));
}

TEST(OptionsTest, RefusesAnUnknownAcceleration) {
  const ParsedCommandLine parsed =
      Parse({"standalone", "--manifests", "/", "--acceleration", "auto"});

  EXPECT_FALSE(parsed.command);
  EXPECT_THAT(parsed.message, HasSubstr("auto"));
}

TEST(OptionsTest, RefusesAnUnknownLevelOfPathNormalisation) {
  EXPECT_TRUE(Parse({"standalone", "--manifests", "/", "--path-normalization", "base"}).command);
  EXPECT_FALSE(Parse({"standalone", "--manifests", "/", "--path-normalization", "BASE"}).command);
}

TEST(OptionsTest, RefusesMoreWorkersThanTheLimit) {
  EXPECT_FALSE(Parse({"standalone", "--manifests", "/", "--workers", "65"}).command);
  EXPECT_FALSE(Parse({"standalone", "--manifests", "/", "--workers", "0"}).command);
}

TEST(OptionsTest, StatusTakesAnOutputForm) {
  const ParsedCommandLine parsed = Parse({"status", "-o", "json"});

  ASSERT_TRUE(parsed.command);
  EXPECT_TRUE(std::get<StatusOptions>(*parsed.command).is_json);
}

TEST(OptionsTest, HelpIsNoError) {
  const ParsedCommandLine parsed = Parse({"--help"});

  EXPECT_FALSE(parsed.command);
  EXPECT_EQ(parsed.exit_code, 0);
  EXPECT_THAT(parsed.message, HasSubstr("standalone"));
}

TEST(OptionsTest, NoCommandIsAnError) { EXPECT_EQ(Parse({}).exit_code, 2); }

TEST(ChildCommandsTest, AgentIsToldWhereTheAccessLogGoesOnlyWhenThereIsOne) {
  StandaloneOptions options;
  options.state_dir = "/s";
  const StandaloneLayout layout = {.programs_dir = "/p", .node = "n"};

  EXPECT_THAT(AgentCommand(options, layout), testing::Not(testing::Contains("--access-log-file")));
  options.access_log = "json";
  EXPECT_THAT(AgentCommand(options, layout), testing::Contains("/s/access.log"));
}

TEST(ChildCommandsTest, AgentIsToldHowPathsAreNormalised) {
  StandaloneOptions options;
  options.path_normalization = "merge-slashes";

  EXPECT_THAT(AgentCommand(options, {.programs_dir = "/p", .node = "n"}),
              testing::IsSupersetOf({"--path-normalization", "merge-slashes"}));
}

TEST(ChildCommandsTest, ControllerListensWhereTheAgentLooks) {
  StandaloneOptions options;
  options.state_dir = "/s";
  const StandaloneLayout layout = {.programs_dir = "/p", .node = "n"};

  EXPECT_THAT(ControllerCommand(options, layout), testing::Contains("unix:/s/controller.sock"));
  EXPECT_THAT(AgentCommand(options, layout), testing::Contains("unix:/s/controller.sock"));
}

}  // namespace
}  // namespace sluice::cli
