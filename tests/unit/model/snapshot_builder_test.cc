#include "userspace/model/snapshot_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/model/resources.h"

namespace sluice::model {
namespace {

using istio::workload::HTTP11;
using istio::workload::TCP;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Addresses(const Cluster& cluster) {
  std::vector<std::string> out;
  for (const Endpoint& endpoint : cluster.endpoints) out.push_back(endpoint.address.ToString());
  return out;
}

TEST(SnapshotTest, IsEmptyBeforeAnyResource) {
  SnapshotBuilder builder;

  const auto snapshot = builder.Build(7);

  EXPECT_EQ(snapshot->version(), 7u);
  EXPECT_EQ(snapshot->service_count(), 0u);
  EXPECT_EQ(snapshot->workload_count(), 0u);
  EXPECT_EQ(snapshot->endpoint_slot_count(), 0u);
  EXPECT_EQ(snapshot->FindService(At("10.96.0.1:80")), nullptr);
  EXPECT_EQ(snapshot->FindServiceByName("shop/web:80"), nullptr);
  EXPECT_EQ(snapshot->FindWorkload(Ip("10.0.0.1")), nullptr);
}

TEST(SnapshotTest, FindsAServicePortByEachAddressAndByName) {
  SnapshotBuilder builder;
  EXPECT_EQ(builder.PutAddress(MakeService({.addresses = {"10.96.0.1", "fd00::1"}})), "");

  const auto snapshot = builder.Build(1);

  const ServicePort* port = snapshot->FindServiceByName("shop/web:80");
  ASSERT_NE(port, nullptr);
  EXPECT_EQ(port->name, "shop/web:80");
  EXPECT_EQ(snapshot->FindService(At("10.96.0.1:80")), port);
  EXPECT_EQ(snapshot->FindService(At("[fd00::1]:80")), port);
  EXPECT_EQ(snapshot->FindService(At("10.96.0.1:81")), nullptr);
}

TEST(SnapshotTest, FindsAHeadlessServiceByNameOnly) {
  SnapshotBuilder builder;
  EXPECT_EQ(builder.PutAddress(MakeService({.addresses = {}})), "");
  EXPECT_EQ(builder.PutAddress(MakeWorkload({})), "");

  const auto snapshot = builder.Build(1);

  EXPECT_THAT(Addresses(*snapshot->FindServiceByName("shop/web:80")->cluster),
              ElementsAre("10.0.0.1:8080"));
}

TEST(SnapshotTest, PutsHealthyMembersBehindAServicePortAtTheirOwnTargetPorts) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, TCP}, {90, TCP}}}));
  builder.PutAddress(MakeWorkload({.uid = "a//Pod/shop/a", .addresses = {"10.0.0.1"}}));
  builder.PutAddress(
      MakeWorkload({.uid = "a//Pod/shop/b",
                    .addresses = {"10.0.0.2"},
                    .targets = {{.target_port = 9090}, {.service_port = 90, .target_port = 9}}}));
  builder.PutAddress(
      MakeWorkload({.uid = "a//Pod/shop/c", .addresses = {"10.0.0.3"}, .is_healthy = false}));

  const auto snapshot = builder.Build(1);

  EXPECT_THAT(Addresses(*snapshot->FindServiceByName("shop/web:80")->cluster),
              ElementsAre("10.0.0.1:8080", "10.0.0.2:9090"));
  EXPECT_THAT(Addresses(*snapshot->FindServiceByName("shop/web:90")->cluster),
              ElementsAre("10.0.0.2:9"));
}

TEST(SnapshotTest, KeepsAnUnhealthyWorkloadAddressable) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeWorkload({.is_healthy = false}));

  const auto snapshot = builder.Build(1);

  ASSERT_NE(snapshot->FindWorkload(Ip("10.0.0.1")), nullptr);
  EXPECT_EQ(snapshot->FindWorkload(Ip("10.0.0.1"))->name, "web-0");
}

TEST(SnapshotTest, JoinsAWorkloadThatCameBeforeItsService) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeWorkload({}));
  builder.Build(1);

  builder.PutAddress(MakeService({}));

  EXPECT_THAT(Addresses(*builder.Build(2)->FindServiceByName("shop/web:80")->cluster),
              ElementsAre("10.0.0.1:8080"));
}

TEST(SnapshotTest, DropsAMemberWhenItsWorkloadGoes) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutAddress(MakeWorkload({}));
  builder.Build(1);

  builder.RemoveAddress("standalone//Pod/shop/web-0");

  const auto snapshot = builder.Build(2);
  EXPECT_THAT(snapshot->FindServiceByName("shop/web:80")->cluster->endpoints, IsEmpty());
  EXPECT_EQ(snapshot->FindWorkload(Ip("10.0.0.1")), nullptr);
  EXPECT_EQ(snapshot->workload_count(), 0u);
}

TEST(SnapshotTest, DropsAllOfAServiceWhenItGoes) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.Build(1);

  builder.RemoveAddress("shop/web");

  const auto snapshot = builder.Build(2);
  EXPECT_EQ(snapshot->FindService(At("10.96.0.1:80")), nullptr);
  EXPECT_EQ(snapshot->FindServiceByName("shop/web:80"), nullptr);
  EXPECT_EQ(snapshot->service_count(), 0u);
}

TEST(SnapshotTest, DropsAPortThatItsServiceNoLongerHas) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, TCP}, {90, TCP}}}));
  builder.Build(1);

  builder.PutAddress(MakeService({.ports = {{80, TCP}}}));

  const auto snapshot = builder.Build(2);
  EXPECT_NE(snapshot->FindService(At("10.96.0.1:80")), nullptr);
  EXPECT_EQ(snapshot->FindService(At("10.96.0.1:90")), nullptr);
  EXPECT_EQ(snapshot->FindServiceByName("shop/web:90"), nullptr);
}

TEST(SnapshotTest, NeverChangesWhatWasBuiltBefore) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutAddress(MakeWorkload({}));
  const auto before = builder.Build(1);

  builder.RemoveAddress("shop/web");
  builder.RemoveAddress("standalone//Pod/shop/web-0");
  builder.Build(2);

  EXPECT_THAT(Addresses(*before->FindService(At("10.96.0.1:80"))->cluster),
              ElementsAre("10.0.0.1:8080"));
  EXPECT_NE(before->FindWorkload(Ip("10.0.0.1")), nullptr);
}

// Sharing.

TEST(SnapshotTest, SharesWhatAChangeDoesNotTouch) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.name = "shop/a", .addresses = {"10.96.0.1"}}));
  builder.PutAddress(MakeService({.name = "shop/b", .addresses = {"10.96.0.2"}}));
  builder.PutAddress(MakeWorkload({.targets = {{.service = "shop/a"}}}));
  const auto before = builder.Build(1);

  builder.PutAddress(MakeWorkload({.targets = {{.service = "shop/a"}, {.service = "shop/b"}}}));

  const auto after = builder.Build(2);
  EXPECT_EQ(before->FindServiceByName("shop/a:80"), after->FindServiceByName("shop/a:80"));
  EXPECT_NE(before->FindServiceByName("shop/b:80"), after->FindServiceByName("shop/b:80"));
}

TEST(SnapshotTest, SharesEverythingWhenTheSameResourcesComeAgain) {
  SnapshotBuilder builder;
  const auto put_all = [&builder] {
    builder.PutAddress(MakeService({}));
    builder.PutAddress(MakeWorkload({}));
    builder.PutRouteTable("shop/web:80", MakeRoutes());
  };
  put_all();
  const auto before = builder.Build(1);

  put_all();

  const auto after = builder.Build(2);
  EXPECT_EQ(before->FindServiceByName("shop/web:80"), after->FindServiceByName("shop/web:80"));
  EXPECT_EQ(before->FindWorkload(Ip("10.0.0.1")), after->FindWorkload(Ip("10.0.0.1")));
}

TEST(SnapshotTest, KeepsTheRouteTableWhenOnlyTheEndpointsChange) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutRouteTable("shop/web:80", MakeRoutes());
  const auto before = builder.Build(1);

  builder.PutAddress(MakeWorkload({}));

  const auto after = builder.Build(2);
  EXPECT_NE(before->FindServiceByName("shop/web:80"), after->FindServiceByName("shop/web:80"));
  EXPECT_EQ(before->FindServiceByName("shop/web:80")->producer_routes,
            after->FindServiceByName("shop/web:80")->producer_routes);
}

// Protocols.

TEST(SnapshotTest, SpeaksWhatTheServiceDeclares) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, HTTP11},
                                            {81, TCP},
                                            {82, istio::workload::UNKNOWN},
                                            {83, istio::workload::GRPC},
                                            {84, istio::workload::TLS},
                                            {85, istio::workload::HTTP2}}}));

  const auto snapshot = builder.Build(1);

  const auto protocol_of = [&snapshot](const char* name) {
    return snapshot->FindServiceByName(name)->protocol;
  };
  EXPECT_EQ(protocol_of("shop/web:80"), Protocol::kHttp1);
  EXPECT_EQ(protocol_of("shop/web:81"), Protocol::kTcp);
  EXPECT_EQ(protocol_of("shop/web:82"), Protocol::kAuto);
  EXPECT_EQ(protocol_of("shop/web:83"), Protocol::kHttp2);
  EXPECT_EQ(protocol_of("shop/web:84"), Protocol::kTcp);
  EXPECT_EQ(protocol_of("shop/web:85"), Protocol::kHttp2);
}

TEST(SnapshotTest, TakesAProtocolFromALaterControlPlaneForTcp) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, static_cast<istio::workload::AppProtocol>(77)}}}));

  EXPECT_EQ(builder.Build(1)->FindServiceByName("shop/web:80")->protocol, Protocol::kTcp);
}

TEST(SnapshotTest, KeepsADeclaredHttp2UnderRoutes) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, istio::workload::GRPC}}}));
  builder.PutRouteTable("shop/web:80", MakeRoutes());

  EXPECT_EQ(builder.Build(1)->FindServiceByName("shop/web:80")->protocol, Protocol::kHttp2);
}

TEST(SnapshotTest, SpeaksHttpUnderRoutesWhereNothingIsDeclared) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, istio::workload::UNKNOWN}}}));
  builder.PutRouteTable("shop/web:80", MakeRoutes());

  EXPECT_EQ(builder.Build(1)->FindServiceByName("shop/web:80")->protocol, Protocol::kHttp1);
}

TEST(SnapshotTest, LeavesAPortUndeclaredUnderRoutesOfConnections) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, istio::workload::UNKNOWN}}}));
  sluice::route::v1::RouteTable routes = MakeRoutes();
  routes.set_layer(sluice::route::v1::TCP);
  builder.PutRouteTable("shop/web:80", routes);

  const auto snapshot = builder.Build(1);

  EXPECT_EQ(snapshot->FindServiceByName("shop/web:80")->protocol, Protocol::kAuto);
  EXPECT_EQ(snapshot->FindServiceByName("shop/web:80")->RoutesFor("shop")->layer, RouteLayer::kTcp);
}

TEST(SnapshotTest, JoinsWhatServicesSayOfOneWorkloadPort) {
  using istio::workload::AppProtocol;
  using istio::workload::GRPC;
  using istio::workload::UNKNOWN;
  const struct {
    AppProtocol a;
    AppProtocol b;
    Protocol joined;
  } rows[] = {{UNKNOWN, UNKNOWN, Protocol::kAuto}, {UNKNOWN, TCP, Protocol::kTcp},
              {UNKNOWN, HTTP11, Protocol::kHttp1}, {TCP, HTTP11, Protocol::kHttp1},
              {TCP, GRPC, Protocol::kHttp2},       {HTTP11, GRPC, Protocol::kAuto}};
  for (const auto& row : rows) {
    for (const bool is_swapped : {false, true}) {
      SnapshotBuilder builder;
      builder.PutAddress(MakeService(
          {.name = "shop/a", .addresses = {}, .ports = {{80, is_swapped ? row.b : row.a}}}));
      builder.PutAddress(MakeService(
          {.name = "shop/b", .addresses = {}, .ports = {{80, is_swapped ? row.a : row.b}}}));
      builder.PutAddress(MakeWorkload({.targets = {{.service = "shop/a"}, {.service = "shop/b"}}}));

      EXPECT_EQ(builder.Build(1)->FindWorkload(Ip("10.0.0.1"))->ports.at(8080).protocol, row.joined)
          << row.a << " " << row.b;
    }
  }
}

TEST(SnapshotTest, SpeaksHttpOnAPortWithRoutesUntilTheyGo) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, TCP}}}));
  builder.PutRouteTable("shop/web:80", MakeRoutes());
  EXPECT_EQ(builder.Build(1)->FindServiceByName("shop/web:80")->protocol, Protocol::kHttp1);

  builder.RemoveRouteTable("shop/web:80");

  EXPECT_EQ(builder.Build(2)->FindServiceByName("shop/web:80")->protocol, Protocol::kTcp);
}

TEST(SnapshotTest, GivesAWorkloadThePortsThatItsServicesDeclare) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.name = "shop/a", .ports = {{80, TCP}, {90, TCP}}}));
  builder.PutAddress(MakeService({.name = "shop/b", .addresses = {}, .ports = {{80, HTTP11}}}));
  builder.PutAddress(
      MakeWorkload({.targets = {{.service = "shop/a", .target_port = 8080},
                                {.service = "shop/b", .target_port = 8080},
                                {.service = "shop/a", .service_port = 90, .target_port = 9090},
                                {.service = "shop/a", .service_port = 91, .target_port = 9191},
                                {.service = "shop/none", .target_port = 7070}}}));

  const Workload& workload = *builder.Build(1)->FindWorkload(Ip("10.0.0.1"));

  ASSERT_EQ(workload.ports.size(), 2u);
  EXPECT_EQ(workload.ports.at(8080).protocol, Protocol::kHttp1);
  EXPECT_EQ(workload.ports.at(9090).protocol, Protocol::kTcp);
  EXPECT_EQ(workload.ports.at(8080).cluster->name, "shop/web-0:8080");
  EXPECT_THAT(Addresses(*workload.ports.at(8080).cluster), ElementsAre("10.0.0.1:8080"));
}

TEST(SnapshotTest, FollowsAServiceThatChangesItsProtocolInTheWorkloadsBehindIt) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.ports = {{80, TCP}}}));
  builder.PutAddress(MakeWorkload({}));
  builder.Build(1);

  builder.PutAddress(MakeService({.ports = {{80, HTTP11}}}));

  EXPECT_EQ(builder.Build(2)->FindWorkload(Ip("10.0.0.1"))->ports.at(8080).protocol,
            Protocol::kHttp1);
}

// Routes.

TEST(ServicePortTest, PrefersAClientsOwnRoutesToTheProducers) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutRouteTable("shop/web:80", MakeRoutes());
  builder.PutRouteTable("shop/web:80@app", MakeRoutes("shop/web", 80, "app"));

  const ServicePort& port = *builder.Build(1)->FindServiceByName("shop/web:80");

  EXPECT_EQ(port.RoutesFor("app")->name, "shop/web:80@app");
  EXPECT_EQ(port.RoutesFor("other")->name, "shop/web:80");
}

TEST(ServicePortTest, HasNoRoutesForAClientThatNobodyWroteAnyFor) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutRouteTable("shop/web:80@app", MakeRoutes("shop/web", 80, "app"));

  EXPECT_EQ(builder.Build(1)->FindServiceByName("shop/web:80")->RoutesFor("other"), nullptr);
}

TEST(SnapshotTest, KeepsRoutesThatCameBeforeTheirService) {
  SnapshotBuilder builder;
  EXPECT_EQ(builder.PutRouteTable("shop/web:80", MakeRoutes()), "");
  builder.Build(1);

  builder.PutAddress(MakeService({}));

  EXPECT_NE(builder.Build(2)->FindServiceByName("shop/web:80")->producer_routes, nullptr);
}

TEST(SnapshotTest, RemovesConsumerRoutesWithoutTouchingTheProducers) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutRouteTable("shop/web:80", MakeRoutes());
  builder.PutRouteTable("shop/web:80@app", MakeRoutes("shop/web", 80, "app"));
  builder.Build(1);

  builder.RemoveRouteTable("shop/web:80@app");

  EXPECT_EQ(builder.Build(2)->FindServiceByName("shop/web:80")->RoutesFor("app")->name,
            "shop/web:80");
}

// Refusals.

TEST(SnapshotTest, RemovesWhatARefusedResourceWouldHaveReplaced) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutAddress(MakeService({.name = "shop/other", .addresses = {"10.96.0.9"}}));
  builder.PutRouteTable("shop/other:80", MakeRoutes("shop/other"));
  builder.Build(1);
  auto broken_routes = MakeRoutes("shop/other");
  broken_routes.mutable_entries(0)->mutable_match()->mutable_path()->set_regex("(");

  EXPECT_THAT(builder.PutAddress(MakeService({.ports = {{0, TCP}}})), HasSubstr("service_port 0"));
  EXPECT_THAT(builder.PutRouteTable("shop/other:80", broken_routes), HasSubstr("RE2"));

  const auto snapshot = builder.Build(2);
  EXPECT_EQ(snapshot->FindServiceByName("shop/web:80"), nullptr);
  ASSERT_NE(snapshot->FindServiceByName("shop/other:80"), nullptr);
  EXPECT_EQ(snapshot->FindServiceByName("shop/other:80")->producer_routes, nullptr);
}

// Dual stack.

TEST(ServicePortTest, OffersEndpointsOfTheDialledFamilyWhereAWorkloadHasBoth) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutAddress(MakeWorkload({.uid = "a", .addresses = {"fd00::1", "10.0.0.1"}}));
  builder.PutAddress(MakeWorkload({.uid = "b", .addresses = {"10.0.0.2"}}));
  builder.PutAddress(MakeWorkload({.uid = "c", .addresses = {"fd00::3"}}));

  const ServicePort& port = *builder.Build(1)->FindServiceByName("shop/web:80");

  EXPECT_THAT(Addresses(*port.ClusterFor(Ip("10.96.0.1"))),
              ElementsAre("10.0.0.1:8080", "10.0.0.2:8080", "[fd00::3]:8080"));
  EXPECT_THAT(Addresses(*port.ClusterFor(Ip("fd00::96"))),
              ElementsAre("[fd00::1]:8080", "10.0.0.2:8080", "[fd00::3]:8080"));
}

TEST(ServicePortTest, HasOneClusterForBothFamiliesWhereNoWorkloadHasBoth) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutAddress(MakeWorkload({}));

  const ServicePort& port = *builder.Build(1)->FindServiceByName("shop/web:80");

  EXPECT_EQ(port.ClusterFor(Ip("10.96.0.1")), port.ClusterFor(Ip("fd00::96")));
}

TEST(SnapshotTest, ReachesADualStackWorkloadAtTheAddressThatWasDialled) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutAddress(MakeWorkload({.addresses = {"10.0.0.1", "fd00::1"}}));

  const auto snapshot = builder.Build(1);

  for (const auto& [dialled, endpoint] :
       {std::pair("10.0.0.1", "10.0.0.1:8080"), {"fd00::1", "[fd00::1]:8080"}}) {
    const Workload* workload = snapshot->FindWorkload(Ip(dialled));
    ASSERT_NE(workload, nullptr);
    EXPECT_EQ(workload->uid, "standalone//Pod/shop/web-0");
    EXPECT_THAT(Addresses(*workload->ports.at(8080).cluster), ElementsAre(endpoint));
  }
}

}  // namespace
}  // namespace sluice::model
