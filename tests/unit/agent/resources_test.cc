#include "userspace/agent/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/builders.h"
#include "userspace/agent/snapshot_file.h"

namespace sluice::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ResourcesTest, KeepsAResourceWithItsVersion) {
  Resources resources;

  const auto result = ApplyResponse(
      ResponseWith(base::kAddressType, "a", "7", WorkloadOf("a", {"10.0.0.1"}).SerializeAsString()),
      resources);

  EXPECT_EQ(result.changed_count, 1u);
  EXPECT_THAT(VersionsOfType(resources, std::string(base::kAddressType)),
              ElementsAre(Pair("a", "7")));
  EXPECT_NE(FindWorkload(resources, "a"), nullptr);
}

TEST(ResourcesTest, ChangesNothingWhenTheVersionIsTheSame) {
  Resources resources;
  const auto response =
      ResponseWith(base::kAddressType, "a", "7", WorkloadOf("a", {"10.0.0.1"}).SerializeAsString());
  ApplyResponse(response, resources);
  const auto held = resources.addresses.at("a").message;

  EXPECT_EQ(ApplyResponse(response, resources).changed_count, 0u);
  EXPECT_EQ(resources.addresses.at("a").message, held);
}

TEST(ResourcesTest, RemovesByName) {
  Resources resources;
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1"});
  discovery::v1::DeltaDiscoveryResponse response;
  response.set_type_url(std::string(base::kLocalPodType));
  response.add_removed_resources("a");

  EXPECT_EQ(ApplyResponse(response, resources).changed_count, 1u);
  EXPECT_TRUE(resources.local_pods.empty());
  EXPECT_EQ(resources.addresses.size(), 1u);
}

TEST(ResourcesTest, RefusesAWorkloadWhoseNameFitsNoPacketToTheProxy) {
  Resources resources;
  auto workload = WorkloadOf("a", {"10.0.0.1"});
  workload.mutable_workload()->set_name(std::string(kResourceNameSizeMax + 1, 'x'));

  const auto result = ApplyResponse(
      ResponseWith(base::kAddressType, "a", "1", workload.SerializeAsString()), resources);

  EXPECT_THAT(result.errors, ElementsAre(HasSubstr("too long")));
  EXPECT_EQ(FindWorkload(resources, "a"), nullptr);
}

TEST(ResourcesTest, LeavesOutABadResourceAloneAndSaysWhy) {
  Resources resources;
  auto response =
      ResponseWith(base::kAddressType, "a", "1", WorkloadOf("other", {}).SerializeAsString());
  response.MergeFrom(
      ResponseWith(base::kAddressType, "b", "1", WorkloadOf("b", {}).SerializeAsString()));

  const auto result = ApplyResponse(response, resources);

  EXPECT_THAT(result.errors, ElementsAre("a: the name must be the workload's uid"));
  EXPECT_EQ(resources.addresses.count("b"), 1u);
}

TEST(ResourcesTest, RefusesBytesThatAreNoMessage) {
  Resources resources;

  const auto result =
      ApplyResponse(ResponseWith(base::kAddressType, "a", "1", "\xff\xff"), resources);

  EXPECT_THAT(result.errors, ElementsAre("a: the message cannot be parsed"));
}

TEST(ResourcesTest, RefusesARelativeNamespacePath) {
  Resources resources;
  discovery::v1::LocalPod pod;
  pod.set_workload_uid("a");
  pod.set_netns_path("netns/a");

  const auto result = ApplyResponse(
      ResponseWith(base::kLocalPodType, "a", "1", pod.SerializeAsString()), resources);

  EXPECT_THAT(result.errors, ElementsAre("a: netns_path must be absolute"));
}

TEST(ResourcesTest, RefusesATableWhoseEntryNamesNoRule) {
  Resources resources;
  sluice::route::v1::RouteTable table;
  table.add_entries()->set_rule(0);

  const auto result = ApplyResponse(
      ResponseWith(base::kRouteTableType, "t", "1", table.SerializeAsString()), resources);

  EXPECT_THAT(result.errors, ElementsAre(HasSubstr("a rule that is not there")));
}

TEST(ResourcesTest, RefusesAnUnknownType) {
  Resources resources;
  discovery::v1::DeltaDiscoveryResponse response;
  response.set_type_url("type.googleapis.com/x");

  EXPECT_THAT(ApplyResponse(response, resources).errors,
              ElementsAre("unknown type type.googleapis.com/x"));
}

TEST(SnapshotFileTest, ComesBackAsItWas) {
  Resources resources;
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1", "fd00::1"});
  PutResource(resources.addresses, ServiceKey("web"), ServiceOf("web", {"10.96.0.1"}, {80}));

  const auto again = DecodeSnapshot(EncodeSnapshot(resources));

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(EncodeSnapshot(*again), EncodeSnapshot(resources));
  EXPECT_EQ(again->addresses.size(), 2u);
}

TEST(SnapshotFileTest, RefusesAFileThatIsCutOffWithinAMessage) {
  Resources resources;
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1"});
  const std::string bytes = EncodeSnapshot(resources);

  EXPECT_FALSE(DecodeSnapshot(bytes.substr(0, bytes.size() - 1)).ok());
  EXPECT_FALSE(DecodeSnapshot(bytes.substr(0, 3)).ok());
}

}  // namespace
}  // namespace sluice::agent
