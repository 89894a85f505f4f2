#include "userspace/proxy/plan.h"

#include <gtest/gtest.h>

#include "userspace/model/snapshot_builder.h"

namespace sluice::proxy {
namespace {

base::SocketAddress At(std::string_view text) { return *base::SocketAddress::Parse(text); }

std::string Bytes(std::string_view ip) { return base::IpAddress::Parse(ip)->ToBytes(); }

// One Service at 10.96.0.1 with an HTTP port 80 and a TCP port 90, one workload behind it
// at 10.0.0.7.
class PlanTest : public testing::Test {
 protected:
  void SetUp() override {
    model::SnapshotBuilder builder;
    istio::workload::Address service_address;
    auto& service = *service_address.mutable_service();
    service.set_name("web");
    service.set_namespace_("shop");
    service.set_hostname("web.shop.svc.cluster.local");
    service.add_addresses()->set_address(Bytes("10.96.0.1"));
    AddPort(*service.add_ports(), 80, istio::workload::HTTP11);
    AddPort(*service.add_ports(), 90, istio::workload::TCP);
    istio::workload::Address workload_address;
    auto& workload = *workload_address.mutable_workload();
    workload.set_uid("standalone//Pod/shop/web-1");
    workload.set_name("web-1");
    workload.set_namespace_("shop");
    workload.add_addresses(Bytes("10.0.0.7"));
    auto& ports = (*workload.mutable_services())["shop/web.shop.svc.cluster.local"];
    AddTarget(*ports.add_ports(), 80, 8080);
    AddTarget(*ports.add_ports(), 90, 9090);
    ASSERT_EQ(builder.PutAddress(service_address), "");
    ASSERT_EQ(builder.PutAddress(workload_address), "");
    config_ = RuntimeConfig::Build(builder.Build(1), nullptr, names_);
  }

  static void AddPort(istio::workload::Port& port, uint32_t number,
                      istio::workload::AppProtocol protocol) {
    port.set_service_port(number);
    port.set_app_protocol(protocol);
  }
  static void AddTarget(istio::workload::Port& port, uint32_t number, uint32_t target) {
    port.set_service_port(number);
    port.set_target_port(target);
  }

  BackendNames names_;
  std::shared_ptr<const RuntimeConfig> config_;
};

TEST_F(PlanTest, AnHttpServicePortIsServedAtLayerSeven) {
  const Plan plan = MakePlan(*config_, At("10.96.0.1:80"), false);

  EXPECT_EQ(plan.protocol, model::Protocol::kHttp1);
  ASSERT_NE(plan.service, nullptr);
  EXPECT_EQ(plan.service->name, "shop/web.shop.svc.cluster.local:80");
}

TEST_F(PlanTest, ATcpServicePortIsRelayedToItsCluster) {
  const Plan plan = MakePlan(*config_, At("10.96.0.1:90"), false);

  EXPECT_EQ(plan.protocol, model::Protocol::kTcp);
  ASSERT_NE(plan.cluster, nullptr);
  ASSERT_EQ(plan.cluster->endpoints.size(), 1u);
  EXPECT_EQ(plan.cluster->endpoints[0].address, At("10.0.0.7:9090"));
}

TEST_F(PlanTest, AWorkloadsHttpPortIsServedAtLayerSevenWithoutTheServicesRoutes) {
  const Plan plan = MakePlan(*config_, At("10.0.0.7:8080"), false);

  EXPECT_EQ(plan.protocol, model::Protocol::kHttp1);
  EXPECT_EQ(plan.service, nullptr);
}

TEST_F(PlanTest, AnyOtherPortOfAWorkloadIsRelayedAsDialled) {
  const Plan plan = MakePlan(*config_, At("10.0.0.7:4711"), false);

  EXPECT_EQ(plan.refused, CloseReason::kNone);
  EXPECT_EQ(plan.protocol, model::Protocol::kTcp);
  EXPECT_EQ(plan.cluster, nullptr);
}

TEST_F(PlanTest, AnAddressThatNobodyKnowsIsRefused) {
  EXPECT_EQ(MakePlan(*config_, At("10.9.9.9:80"), false).refused, CloseReason::kNoDestination);
  EXPECT_EQ(MakePlan(*config_, At("10.96.0.1:81"), false).refused, CloseReason::kNoDestination);
}

TEST_F(PlanTest, InboundIsRelayedToThePodWhateverThePort) {
  const Plan plan = MakePlan(*config_, At("10.0.0.7:8080"), true);

  EXPECT_EQ(plan.refused, CloseReason::kNone);
  EXPECT_EQ(plan.protocol, model::Protocol::kTcp);
  EXPECT_EQ(plan.service, nullptr);
}

}  // namespace
}  // namespace sluice::proxy
