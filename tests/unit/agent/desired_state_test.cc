#include "userspace/agent/desired_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/agent/builders.h"

namespace sluice::agent {
namespace {

using datapath::Destination;
using datapath::FlowPath;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST(DesiredDestinationsTest, LeadsDeclaredPortsToTheProxyAndDeniesTheRest) {
  Resources resources;
  PutResource(resources.addresses, ServiceKey("web"), ServiceOf("web", {"10.96.0.1"}, {80, 443}));

  EXPECT_THAT(ComputeDesiredDestinations(resources.addresses, {}),
              UnorderedElementsAre(Destination{Ip("10.96.0.1"), 80, FlowPath::kProxy},
                                   Destination{Ip("10.96.0.1"), 443, FlowPath::kProxy},
                                   Destination{Ip("10.96.0.1"), 0, FlowPath::kDeny}));
}

TEST(DesiredDestinationsTest, CoversBothFamilies) {
  Resources resources;
  PutResource(resources.addresses, ServiceKey("web"),
              ServiceOf("web", {"10.96.0.1", "fd96::1"}, {80}));

  EXPECT_THAT(ComputeDesiredDestinations(resources.addresses, {}), SizeIs(4));
}

TEST(DesiredDestinationsTest, HasNothingForAHeadlessService) {
  Resources resources;
  PutResource(resources.addresses, ServiceKey("web"), ServiceOf("web", {}, {80}));

  EXPECT_THAT(ComputeDesiredDestinations(resources.addresses, {}), IsEmpty());
}

TEST(DesiredDestinationsTest, LeadsEveryPortOfACapturedPodToTheProxy) {
  EXPECT_THAT(ComputeDesiredDestinations({}, {Ip("10.0.0.7")}),
              ElementsAre(Destination{Ip("10.0.0.7"), 0, FlowPath::kProxy}));
}

TEST(DesiredDestinationsTest, NeverTakesLoopbackOrAPodsAddressForAService) {
  Resources resources;
  PutResource(resources.addresses, ServiceKey("bad"),
              ServiceOf("bad", {"127.0.0.1", "10.0.0.7"}, {80}));

  EXPECT_THAT(ComputeDesiredDestinations(resources.addresses, {Ip("10.0.0.7")}),
              ElementsAre(Destination{Ip("10.0.0.7"), 0, FlowPath::kProxy}));
}

TEST(DesiredDestinationsTest, LeavesOutImpossiblePorts) {
  Resources resources;
  PutResource(resources.addresses, ServiceKey("web"), ServiceOf("web", {"10.96.0.1"}, {0, 70000}));

  EXPECT_THAT(ComputeDesiredDestinations(resources.addresses, {}),
              ElementsAre(Destination{Ip("10.96.0.1"), 0, FlowPath::kDeny}));
}

TEST(CommonDestinationsTest, KeepsWhatIsInBoth) {
  const Destination a{Ip("10.0.0.1"), 0, FlowPath::kProxy};
  const Destination b{Ip("10.0.0.2"), 0, FlowPath::kProxy};
  const Destination c{Ip("10.0.0.3"), 0, FlowPath::kProxy};

  EXPECT_THAT(CommonDestinations({a, b}, {b, c}), ElementsAre(b));
}

TEST(ConfigPartsTest, IsEmptyWhenNothingChanged) {
  Resources resources;
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1"});

  EXPECT_TRUE(ComputeConfigParts(resources, resources, 1).parts.empty());
}

TEST(ConfigPartsTest, SendsOnlyTheDifference) {
  Resources held;
  PutResource(held.addresses, "stays", WorkloadOf("stays", {}));
  PutResource(held.addresses, "goes", WorkloadOf("goes", {}));
  Resources wanted;
  wanted.addresses["stays"] = held.addresses["stays"];
  PutResource(wanted.addresses, "comes", WorkloadOf("comes", {}));

  const ConfigParts change = ComputeConfigParts(wanted, held, 5);

  ASSERT_EQ(change.parts.size(), 1u);
  const auto& part = change.parts[0].config();
  EXPECT_EQ(part.version(), 5u);
  EXPECT_TRUE(part.is_last());
  ASSERT_EQ(part.addresses_size(), 1);
  EXPECT_EQ(part.addresses(0).workload().uid(), "comes");
  EXPECT_THAT(part.removed_addresses(), ElementsAre("goes"));
}

TEST(ConfigPartsTest, SplitsSoThatEveryPacketFits) {
  Resources wanted;
  for (int i = 0; i < 5000; ++i) {
    const std::string uid = absl::StrCat("pod-", i, std::string(static_cast<size_t>(i % 200), 'x'));
    PutResource(wanted.addresses, uid, WorkloadOf(uid, {"10.0.0.1"}));
  }

  const ConfigParts change = ComputeConfigParts(wanted, {}, 1);

  ASSERT_GT(change.parts.size(), 5u);
  int count = 0;
  for (size_t i = 0; i < change.parts.size(); ++i) {
    EXPECT_LE(change.parts[i].ByteSizeLong(), kPacketSizeMax);
    EXPECT_EQ(change.parts[i].config().is_last(), i + 1 == change.parts.size());
    count += change.parts[i].config().addresses_size();
  }
  EXPECT_EQ(count, 5000);
}

TEST(ConfigPartsTest, LeavesOutWhatFitsNoPacketAndRemovesTheOldOne) {
  Resources wanted;
  auto table = sluice::route::v1::RouteTable();
  table.set_service(std::string(kPacketSizeMax, 's'));
  PutResource(wanted.route_tables, "large", table);

  const ConfigParts change = ComputeConfigParts(wanted, {}, 1);

  EXPECT_THAT(change.too_large, ElementsAre("large"));
  ASSERT_EQ(change.parts.size(), 1u);
  EXPECT_THAT(change.parts[0].config().removed_route_tables(), ElementsAre("large"));
}

}  // namespace
}  // namespace sluice::agent
