#include "userspace/agent/pod_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/builders.h"
#include "tests/unit/agent/fakes.h"

namespace sluice::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PodSetTest : public testing::Test {
 protected:
  void SetUp() override {
    PutPod(resources_, "a", "/run/netns/a", {"10.0.0.1"});
    host_.cookies["/run/netns/a"] = 11;
  }
  void Step(bool can_add = true) {
    pods_.Plan(resources_);
    pods_.Advance(can_add);
  }
  void Serve() {
    Step();
    ASSERT_TRUE(pods_.PodAdded(1));
    deeds_.clear();
  }
  void Wish(istio::workload::Acceleration acceleration) {
    istio::workload::Address address = WorkloadOf("a", {"10.0.0.1"});
    address.mutable_workload()->set_acceleration(acceleration);
    PutResource(resources_.addresses, "a", address);
  }
  std::string Reason() const { return pods_.ReasonOf(pods_.plan().at(0)); }

  Deeds deeds_;
  FakeKernel kernel_{deeds_};
  FakeProxy proxy_{deeds_};
  FakeHost host_{deeds_};
  Resources resources_;
  PodSet pods_{kernel_, proxy_, host_, datapath::Acceleration::kOff};
};

TEST_F(PodSetTest, CapturesOnlyAfterTheProxyAccepts) {
  Step();
  pods_.PodAdded(1);

  EXPECT_THAT(deeds_, ElementsAre("prepare 11", "add pod 1", "enrol 11 off"));
  EXPECT_TRUE(pods_.IsCaptured("a"));
  EXPECT_EQ(Reason(), "");
  EXPECT_THAT(pods_.CapturedAddresses(), ElementsAre(Ip("10.0.0.1")));
}

TEST_F(PodSetTest, CapturesAPodWithTheAccelerationItWishes) {
  Wish(istio::workload::ACCELERATION_FULL);

  Step();
  pods_.PodAdded(1);

  EXPECT_THAT(deeds_, testing::Contains("enrol 11 full"));
}

TEST_F(PodSetTest, ChangesTheAccelerationOfACapturedPodWithoutTakingItAway) {
  Serve();

  Wish(istio::workload::ACCELERATION_FULL);
  Step();
  Step();
  Wish(istio::workload::ACCELERATION_UNSPECIFIED);
  Step();

  EXPECT_THAT(deeds_, ElementsAre("accelerate 11 full", "accelerate 11 off"));
  EXPECT_EQ(Reason(), "");
}

TEST_F(PodSetTest, TriesAgainWhenTheKernelRefusesAnotherAcceleration) {
  Serve();
  kernel_.accelerate_error = "map is gone";
  Wish(istio::workload::ACCELERATION_FULL);
  Step();
  kernel_.accelerate_error.clear();

  Step();

  EXPECT_THAT(deeds_, ElementsAre("accelerate 11 full"));
}

TEST_F(PodSetTest, TellsTheLevelInForceWhileTheKernelRefusesAnother) {
  Serve();
  kernel_.accelerate_error = "map is gone";
  Wish(istio::workload::ACCELERATION_FULL);
  Step();
  const PodSet::LevelInForce refused = pods_.LevelOf(pods_.plan().at(0));
  kernel_.accelerate_error.clear();
  Step();
  const PodSet::LevelInForce taken = pods_.LevelOf(pods_.plan().at(0));

  EXPECT_EQ(refused.requested, datapath::Acceleration::kOff);
  EXPECT_EQ(refused.refusal, "map is gone");
  EXPECT_EQ(taken.requested, datapath::Acceleration::kFull);
  EXPECT_EQ(taken.refusal, "");
}

TEST_F(PodSetTest, ForgetsARefusalOfALevelThatIsNoLongerWished) {
  Serve();
  kernel_.accelerate_error = "map is gone";
  Wish(istio::workload::ACCELERATION_FULL);
  Step();

  Wish(istio::workload::ACCELERATION_UNSPECIFIED);
  Step();

  EXPECT_EQ(pods_.LevelOf(pods_.plan().at(0)).refusal, "");
}

TEST_F(PodSetTest, WaitsForTheProxysConfiguration) {
  Step(/*can_add=*/false);

  EXPECT_THAT(deeds_, ElementsAre("prepare 11"));
  EXPECT_FALSE(pods_.IsCaptured("a"));
}

TEST_F(PodSetTest, LeavesTheKernelBeforeTheProxyAndTheNamespaceLast) {
  Serve();
  resources_.local_pods.clear();
  Step();
  pods_.PodRemoved(1);

  EXPECT_THAT(deeds_, ElementsAre("kernel remove 11", "remove pod 1", "restore 11"));
  EXPECT_THAT(pods_.CapturedAddresses(), IsEmpty());
}

TEST_F(PodSetTest, GivesANewNamespaceAtTheSamePathANewPod) {
  Serve();
  host_.cookies["/run/netns/a"] = 12;
  Step();

  EXPECT_THAT(deeds_, ElementsAre("kernel remove 11", "remove pod 1", "prepare 12", "add pod 2"));
}

TEST_F(PodSetTest, RemovesAPodWhoseNamespaceFileIsGone) {
  Serve();
  host_.cookies.clear();
  Step();

  EXPECT_THAT(deeds_, ElementsAre("kernel remove 11", "remove pod 1"));
  EXPECT_THAT(Reason(), HasSubstr("is gone"));
}

TEST_F(PodSetTest, TakesAChangedPodAgainOnlyWhenTheProxyLetItGo) {
  Serve();
  PutResource(resources_.addresses, "a", WorkloadOf("a", {"10.0.0.9"}));
  Step();
  EXPECT_THAT(deeds_, ElementsAre("kernel remove 11", "remove pod 1"));
  EXPECT_THAT(Reason(), HasSubstr("has not let go"));
  deeds_.clear();
  pods_.PodRemoved(1);
  Step();

  EXPECT_THAT(deeds_, ElementsAre("restore 11", "prepare 11", "add pod 1"));
}

TEST_F(PodSetTest, StaysCapturedWhileTheProxyIsStartedAgain) {
  Serve();
  pods_.ProxyGone();
  EXPECT_TRUE(pods_.IsCaptured("a"));
  EXPECT_NE(Reason(), "");
  Step();
  pods_.PodAdded(1);

  EXPECT_THAT(deeds_, ElementsAre("add pod 1"));
  EXPECT_EQ(Reason(), "");
}

TEST_F(PodSetTest, TriesAgainWhenANamespaceCannotBePrepared) {
  host_.prepare_error = "lo is down";
  Step();
  EXPECT_EQ(Reason(), "lo is down");
  host_.prepare_error.clear();
  Step();

  EXPECT_THAT(deeds_, ElementsAre("prepare 11", "add pod 1"));
}

TEST_F(PodSetTest, TakesAPodBackWhenTheKernelRefusesIt) {
  kernel_.enrol_error = "map is full";
  Step();
  pods_.PodAdded(1);
  EXPECT_FALSE(pods_.IsCaptured("a"));
  EXPECT_EQ(Reason(), "map is full");
  pods_.Advance(true);

  EXPECT_THAT(deeds_, testing::Contains("remove pod 1"));
}

TEST_F(PodSetTest, FinishesLeavingPodsWhenTheProxyEnds) {
  Serve();
  resources_.local_pods.clear();
  Step();
  pods_.ProxyGone();

  EXPECT_EQ(deeds_.back(), "restore 11");
}

TEST_F(PodSetTest, ForgetsAPodThatTheProxyNeverKnewAtOnce) {
  Step(/*can_add=*/false);
  resources_.local_pods.clear();
  Step(/*can_add=*/false);

  EXPECT_THAT(deeds_, ElementsAre("prepare 11", "restore 11"));
}

TEST_F(PodSetTest, BelievesNoProxyThatSpeaksOfUnknownPods) {
  Serve();

  EXPECT_FALSE(pods_.PodAdded(99));
  EXPECT_FALSE(pods_.PodAdded(1));
  EXPECT_FALSE(pods_.PodRemoved(1));
  EXPECT_THAT(deeds_, IsEmpty());
}

TEST_F(PodSetTest, LetsConnectionsOfAPodThatLeftEnd) {
  const absl::Time start = absl::UnixEpoch();
  Serve();
  host_.hops = 2;
  resources_.local_pods.clear();
  Step();
  pods_.PodRemoved(1);
  pods_.FinishDrains(start);
  pods_.FinishDrains(start + kHopDrainLimit - absl::Seconds(1));
  EXPECT_EQ(pods_.draining_count(), 1u);
  EXPECT_THAT(deeds_, ElementsAre("kernel remove 11", "remove pod 1"));
  host_.hops = 0;
  pods_.FinishDrains(start + kHopDrainLimit - absl::Seconds(1));

  EXPECT_EQ(deeds_.back(), "restore 11");
  EXPECT_EQ(pods_.draining_count(), 0u);
  EXPECT_EQ(pods_.drains_cut(), 0u);
}

TEST_F(PodSetTest, KeepsTheRouteOfConnectionsThatItCannotCount) {
  Serve();
  host_.count_error = "no socket to ask by";
  resources_.local_pods.clear();
  Step();
  pods_.PodRemoved(1);
  pods_.FinishDrains(absl::UnixEpoch());

  EXPECT_EQ(pods_.draining_count(), 1u);
  EXPECT_THAT(deeds_, ElementsAre("kernel remove 11", "remove pod 1"));
}

TEST_F(PodSetTest, CutsConnectionsOfAPodThatLeftAtTheLimit) {
  const absl::Time start = absl::UnixEpoch();
  Serve();
  host_.hops = 1;
  resources_.local_pods.clear();
  Step();
  pods_.PodRemoved(1);
  pods_.FinishDrains(start);
  pods_.FinishDrains(start + kHopDrainLimit);

  EXPECT_EQ(deeds_.back(), "restore 11");
  EXPECT_EQ(pods_.drains_cut(), 1u);
}

TEST_F(PodSetTest, TakesAPodBackWhileItsConnectionsEnd) {
  Serve();
  host_.hops = 1;
  const Resources before = resources_;
  resources_.local_pods.clear();
  Step();
  pods_.PodRemoved(1);
  deeds_.clear();
  resources_ = before;
  Step();
  host_.hops = 0;
  pods_.FinishDrains(absl::UnixEpoch());

  EXPECT_THAT(deeds_, ElementsAre("prepare 11", "add pod 1"));
}

TEST_F(PodSetTest, TellsTheProxyAllPodsBeforeItMayAccept) {
  PutPod(resources_, "b", "/run/netns/b", {"10.0.0.2"});
  host_.cookies["/run/netns/b"] = 12;
  Step();

  EXPECT_THAT(deeds_, ElementsAre("prepare 11", "prepare 12", "add pod 1 and more", "add pod 2"));
}

TEST_F(PodSetTest, CountsPodsOfAnEarlierRunAsCapturedUntilItHasThem) {
  kernel_.earlier_pods = {11};
  Step();
  EXPECT_THAT(pods_.CapturedAddresses(), ElementsAre(Ip("10.0.0.1")));
  pods_.PodAdded(1);

  EXPECT_THAT(kernel_.earlier_pods, IsEmpty());
  EXPECT_THAT(pods_.CapturedAddresses(), ElementsAre(Ip("10.0.0.1")));
}

TEST_F(PodSetTest, OpensPodsOfAnEarlierRunThatThePlanDoesNotName) {
  kernel_.earlier_pods = {11, 12};
  Step();
  pods_.ReleaseUnplanned();

  EXPECT_THAT(deeds_, ElementsAre("prepare 11", "add pod 1", "release 12"));
  EXPECT_THAT(kernel_.earlier_pods, ElementsAre(11));
}

TEST_F(PodSetTest, KeepsPodsOfAnEarlierRunClosedWhileANamespaceIsUnknown) {
  kernel_.earlier_pods = {12};
  host_.cookies.clear();
  Step();
  pods_.ReleaseUnplanned();

  EXPECT_THAT(kernel_.earlier_pods, ElementsAre(12));
}

TEST_F(PodSetTest, PutsEverythingBackAtTheEnd) {
  Serve();
  pods_.PutEverythingBack();

  EXPECT_THAT(deeds_, ElementsAre("restore 11"));
}

}  // namespace
}  // namespace sluice::agent
