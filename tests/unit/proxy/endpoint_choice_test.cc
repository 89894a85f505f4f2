#include "userspace/proxy/endpoint_choice.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "userspace/model/snapshot_builder.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {
namespace {

std::string Bytes(std::string_view ip) { return base::IpAddress::Parse(ip)->ToBytes(); }

// A worker that was not started, with one Service at 10.96.0.1:80 and `endpoint_count` workloads
// behind it, at 10.0.0.1, 10.0.0.2, ...
class EndpointChoiceTest : public testing::Test {
 protected:
  const model::Cluster* ClusterOf(int endpoint_count) {
    model::SnapshotBuilder builder;
    istio::workload::Address service_address;
    auto& service = *service_address.mutable_service();
    service.set_name("web");
    service.set_namespace_("shop");
    service.set_hostname("web.shop.svc.cluster.local");
    service.add_addresses()->set_address(Bytes("10.96.0.1"));
    auto& port = *service.add_ports();
    port.set_service_port(80);
    port.set_target_port(8080);
    EXPECT_EQ(builder.PutAddress(service_address), "");
    for (int i = 1; i <= endpoint_count; ++i) {
      const std::string number = std::to_string(i);
      istio::workload::Address address;
      auto& workload = *address.mutable_workload();
      workload.set_uid("standalone//Pod/shop/web-" + number);
      workload.set_name("web-" + number);
      workload.set_namespace_("shop");
      workload.add_addresses(Bytes("10.0.0." + number));
      auto& target = *(*workload.mutable_services())["shop/web.shop.svc.cluster.local"].add_ports();
      target.set_service_port(80);
      target.set_target_port(8080);
      EXPECT_EQ(builder.PutAddress(address), "");
    }
    config_ = RuntimeConfig::Build(builder.Build(1), nullptr, names_);
    worker_.SetConfig(config_);
    return config_->snapshot().FindService(dialled_)->cluster.get();
  }
  uint32_t ActiveRequests() const {
    uint32_t sum = 0;
    for (const balance::EndpointLoad& load : worker_.endpoint_loads()) sum += load.active_requests;
    return sum;
  }

  const base::SocketAddress dialled_ = *base::SocketAddress::Parse("10.96.0.1:80");
  BackendNames names_;
  std::shared_ptr<const RuntimeConfig> config_;
  Worker worker_{WorkerOptions{}, nullptr, WorkerRequests{}};
  EndpointChoice choice_;
};

TEST_F(EndpointChoiceTest, WithoutAClusterIsTheDialledAddressOnce) {
  EXPECT_TRUE(choice_.Next(worker_, nullptr, dialled_));
  EXPECT_EQ(choice_.address(), dialled_);
  EXPECT_FALSE(choice_.Next(worker_, nullptr, dialled_));
}

TEST_F(EndpointChoiceTest, TriesEachEndpointOnce) {
  const model::Cluster* cluster = ClusterOf(2);

  ASSERT_TRUE(choice_.Next(worker_, cluster, dialled_));
  const base::SocketAddress first = choice_.address();
  ASSERT_TRUE(choice_.Next(worker_, cluster, dialled_));

  EXPECT_NE(choice_.address(), first);
  EXPECT_FALSE(choice_.Next(worker_, cluster, dialled_));
}

TEST_F(EndpointChoiceTest, GivesUpAfterTheAllowedAttempts) {
  const model::Cluster* cluster = ClusterOf(kEndpointAttemptsMax + 2);

  for (uint32_t i = 0; i < kEndpointAttemptsMax; ++i) {
    EXPECT_TRUE(choice_.Next(worker_, cluster, dialled_));
  }

  EXPECT_FALSE(choice_.Next(worker_, cluster, dialled_));
}

TEST_F(EndpointChoiceTest, HasNoneInAnEmptyCluster) {
  EXPECT_FALSE(choice_.Next(worker_, ClusterOf(0), dialled_));
}

TEST_F(EndpointChoiceTest, CountsInTheLoadOfOneEndpointUntilReleased) {
  const model::Cluster* cluster = ClusterOf(2);
  ASSERT_TRUE(choice_.Next(worker_, cluster, dialled_));
  ASSERT_TRUE(choice_.Next(worker_, cluster, dialled_));
  EXPECT_EQ(ActiveRequests(), 1u);

  choice_.ReleaseLoad(worker_);
  choice_.ReleaseLoad(worker_);

  EXPECT_EQ(ActiveRequests(), 0u);
}

TEST_F(EndpointChoiceTest, CountsInNoLoadOnceNoneIsLeft) {
  const model::Cluster* cluster = ClusterOf(1);
  ASSERT_TRUE(choice_.Next(worker_, cluster, dialled_));

  ASSERT_FALSE(choice_.Next(worker_, cluster, dialled_));

  EXPECT_EQ(ActiveRequests(), 0u);
}

}  // namespace
}  // namespace sluice::proxy
