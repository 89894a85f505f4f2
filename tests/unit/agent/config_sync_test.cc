#include "userspace/agent/config_sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/builders.h"
#include "tests/unit/agent/fakes.h"

namespace sluice::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConfigSyncTest : public testing::Test {
 protected:
  void PutService(const std::string& name, const std::string& address) {
    PutResource(resources_.addresses, ServiceKey(name), ServiceOf(name, {address}, {80}));
    ++generation_;
  }
  void Step() { sync_.Step(resources_, generation_, {}); }
  // Up to the first settled state with one service.
  void SettleWithOneService() {
    PutService("web", "10.96.0.1");
    sync_.ProxyReady();
    Step();
    sync_.Applied(1, "");
    Step();
    ASSERT_TRUE(sync_.is_settled());
    deeds_.clear();
  }

  Deeds deeds_;
  FakeKernel kernel_{deeds_};
  FakeProxy proxy_{deeds_};
  Resources resources_;
  uint64_t generation_ = 1;
  ConfigSync sync_{kernel_, proxy_};
};

TEST_F(ConfigSyncTest, AddsToTheProxyBeforeTheKernel) {
  PutService("web", "10.96.0.1");
  sync_.ProxyReady();
  Step();
  sync_.Applied(1, "");
  Step();

  EXPECT_THAT(deeds_, ElementsAre("sync", "config 1 +1 -0", "sync 10.96.0.1:0- 10.96.0.1:80"));
}

TEST_F(ConfigSyncTest, RemovesFromTheKernelBeforeTheProxy) {
  SettleWithOneService();
  resources_.addresses.clear();
  ++generation_;
  Step();

  EXPECT_THAT(deeds_, ElementsAre("sync", "config 2 +0 -1"));
}

TEST_F(ConfigSyncTest, DoesNothingWhenNothingChanged) {
  SettleWithOneService();
  ++generation_;
  Step();
  Step();

  EXPECT_THAT(deeds_, IsEmpty());
  EXPECT_TRUE(sync_.is_settled());
}

TEST_F(ConfigSyncTest, HasOneChangeUnderWayAtATime) {
  SettleWithOneService();
  PutService("b", "10.96.0.2");
  Step();
  PutService("c", "10.96.0.3");
  Step();
  sync_.Applied(2, "");
  Step();

  EXPECT_THAT(deeds_, ElementsAre("config 2 +1 -0", HasSubstr("sync 10.96.0.1"), "config 3 +1 -0"));
}

TEST_F(ConfigSyncTest, CountsWhatAChangeSendsToTheProxy) {
  SettleWithOneService();
  EXPECT_EQ(sync_.sent_resource_count(), 1u);
  resources_.addresses.clear();
  PutService("b", "10.96.0.2");
  Step();

  EXPECT_EQ(sync_.sent_resource_count(), 3u);
}

TEST_F(ConfigSyncTest, KeepsTheKernelAndSendsAllToANewProxy) {
  SettleWithOneService();
  PutService("b", "10.96.0.2");
  sync_.ProxyGone();
  Step();
  sync_.ProxyReady();
  Step();

  EXPECT_THAT(deeds_, ElementsAre("config 2 +2 -0"));
}

TEST_F(ConfigSyncTest, KeepsTheLastWhenTheProxyRefusesAndTriesAgainOnlyAfterAChange) {
  SettleWithOneService();
  PutService("b", "10.96.0.2");
  Step();
  sync_.Applied(2, "too strange");
  Step();
  EXPECT_THAT(deeds_, ElementsAre("config 2 +1 -0"));
  EXPECT_THAT(sync_.error(), HasSubstr("too strange"));
  EXPECT_FALSE(sync_.is_settled());

  PutService("c", "10.96.0.3");
  Step();

  EXPECT_EQ(deeds_.back(), "config 3 +2 -0");
}

TEST_F(ConfigSyncTest, LetsAnEmptyMeshBeConfirmed) {
  sync_.ProxyReady();
  Step();
  EXPECT_FALSE(sync_.has_proxy_config());
  sync_.Applied(1, "");

  EXPECT_TRUE(sync_.has_proxy_config());
}

TEST_F(ConfigSyncTest, IgnoresAVersionThatWasNotSent) {
  SettleWithOneService();

  EXPECT_FALSE(sync_.Applied(77, ""));
  EXPECT_EQ(sync_.version(), 1u);
}

TEST_F(ConfigSyncTest, TriesTheKernelAgain) {
  SettleWithOneService();
  kernel_.sync_error = "map is full";
  resources_.addresses.clear();
  ++generation_;
  Step();
  EXPECT_THAT(sync_.error(), HasSubstr("map is full"));
  kernel_.sync_error.clear();
  Step();

  EXPECT_THAT(deeds_, ElementsAre("config 2 +0 -1", "sync"));
}

}  // namespace
}  // namespace sluice::agent
