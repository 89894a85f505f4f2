#include "userspace/agent/pod_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/builders.h"

namespace sluice::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr uint64_t kHome = 1;

NamespaceObservation Seen(uint64_t cookie) {
  return {.error = "", .device = 4, .inode = cookie, .cookie = cookie};
}

TEST(PodPlanTest, TakesAPodWithItsAddressesAndNamespace) {
  Resources resources;
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1", "fd00::1"});

  const auto plan = PlanPods(resources, {{"/run/netns/a", Seen(11)}}, {}, kHome);

  ASSERT_THAT(plan, SizeIs(1));
  EXPECT_EQ(plan[0].refusal, "");
  EXPECT_EQ(plan[0].cookie, 11u);
  EXPECT_THAT(plan[0].addresses, testing::ElementsAre(Ip("10.0.0.1"), Ip("fd00::1")));
}

struct RefusalCase {
  const char* name;
  std::vector<std::string> addresses;
  NamespaceObservation observation;
  const char* reason;
};

class PodRefusalTest : public testing::TestWithParam<RefusalCase> {};

TEST_P(PodRefusalTest, SaysWhy) {
  Resources resources;
  PutPod(resources, "a", "/run/netns/a", GetParam().addresses);

  const auto plan = PlanPods(resources, {{"/run/netns/a", GetParam().observation}}, {}, kHome);

  ASSERT_THAT(plan, SizeIs(1));
  EXPECT_THAT(plan[0].refusal, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    Table, PodRefusalTest,
    testing::Values(RefusalCase{"no_address", {}, Seen(11), "no address"},
                    RefusalCase{"loopback", {"127.0.0.1"}, Seen(11), "loopback"},
                    RefusalCase{"two_v4", {"10.0.0.1", "10.0.0.2"}, Seen(11), "more than one IPv4"},
                    RefusalCase{"two_v6", {"fd00::1", "fd00::2"}, Seen(11), "more than one IPv6"},
                    RefusalCase{"home", {"10.0.0.1"}, Seen(kHome), "the node's own network"},
                    RefusalCase{"gone", {"10.0.0.1"}, {.error = "no such file"}, "no such file"}),
    [](const auto& entry) { return std::string(entry.param.name); });

TEST(PodPlanTest, RefusesAPodWithoutAWorkload) {
  Resources resources;
  PutLocalPod(resources, "a", "/run/netns/a");

  EXPECT_THAT(PlanPods(resources, {{"/run/netns/a", Seen(11)}}, {}, kHome)[0].refusal,
              HasSubstr("workload"));
}

TEST(PodPlanTest, GivesADoubleAddressToTheFirstByUid) {
  Resources resources;
  PutPod(resources, "b", "/run/netns/b", {"10.0.0.1"});
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1"});

  const auto plan =
      PlanPods(resources, {{"/run/netns/a", Seen(11)}, {"/run/netns/b", Seen(12)}}, {}, kHome);

  EXPECT_EQ(plan[0].refusal, "");
  EXPECT_EQ(plan[1].refusal, "address 10.0.0.1 belongs to pod a");
}

TEST(PodPlanTest, LeavesADoubleAddressWithThePodThatHasIt) {
  Resources resources;
  PutPod(resources, "b", "/run/netns/b", {"10.0.0.1"});
  const Observations observations = {{"/run/netns/a", Seen(11)}, {"/run/netns/b", Seen(12)}};
  const PlannedPod held = PlanPods(resources, observations, {}, kHome)[0];
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1"});

  const auto plan = PlanPods(resources, observations, {{"b", held}}, kHome);

  EXPECT_THAT(plan[0].refusal, HasSubstr("belongs to pod b"));
  EXPECT_EQ(plan[1].refusal, "");
}

TEST(PodPlanTest, RefusesASecondPodInOneNamespace) {
  Resources resources;
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1"});
  PutPod(resources, "b", "/proc/7/ns/net", {"10.0.0.2"});

  const auto plan =
      PlanPods(resources, {{"/run/netns/a", Seen(11)}, {"/proc/7/ns/net", Seen(11)}}, {}, kHome);

  EXPECT_THAT(plan[1].refusal, HasSubstr("two pods cannot share one"));
}

}  // namespace
}  // namespace sluice::agent
