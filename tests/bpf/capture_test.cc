#include <arpa/inet.h>
#include <net/if.h>

#include "tests/bpf/mesh.h"
#include "userspace/datapath/original_destination.h"

namespace sluice::bpf_test {
namespace {

using CaptureTest = MeshTest;

// Port of the service that is proxied; every other one is denied.
base::SocketAddress Vip4(uint16_t port = 80) { return {*base::IpAddress::Parse(kVip4), port}; }
base::SocketAddress Vip6(uint16_t port = 80) { return {*base::IpAddress::Parse(kVip6), port}; }

// Only while the accepted socket is open: what nobody took goes with it.
std::optional<base::SocketAddress> Taken(const Mesh& mesh, const base::SocketAddress& client) {
  return datapath::TakeOriginalDestination(mesh.datapath->original_destinations_fd(),
                                           mesh.client.cookie, client);
}

TEST_F(CaptureTest, SendsAProxiedIpv4DestinationToTheListener) {
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);

  ASSERT_EQ(Connect(c.get(), Vip4()), 0);

  base::SocketAddress peer;
  const base::UniqueFd p1 = Accept(mesh_->outbound4.get(), &peer);
  ASSERT_TRUE(p1.is_valid());
  EXPECT_EQ(Taken(*mesh_, peer), Vip4());
}

TEST_F(CaptureTest, SendsAProxiedIpv6DestinationToTheListener) {
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET6);

  ASSERT_EQ(Connect(c.get(), Vip6()), 0);

  base::SocketAddress peer;
  const base::UniqueFd p1 = Accept(mesh_->outbound6.get(), &peer);
  ASSERT_TRUE(p1.is_valid());
  EXPECT_EQ(Taken(*mesh_, peer), Vip6());
}

TEST_F(CaptureTest, SendsAMappedDestinationToTheIpv4Listener) {
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET6);

  ASSERT_EQ(ConnectMapped(c.get(), Vip4()), 0);

  base::SocketAddress peer;
  const base::UniqueFd p1 = Accept(mesh_->outbound4.get(), &peer);
  ASSERT_TRUE(p1.is_valid());
  EXPECT_EQ(Taken(*mesh_, peer), Vip4());
}

TEST_F(CaptureTest, GivesAnOriginalDestinationOnlyOnce) {
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);
  ASSERT_EQ(Connect(c.get(), Vip4()), 0);
  base::SocketAddress peer;
  const base::UniqueFd p1 = Accept(mesh_->outbound4.get(), &peer);

  ASSERT_TRUE(Taken(*mesh_, peer).has_value());

  EXPECT_FALSE(Taken(*mesh_, peer).has_value());
}

TEST_F(CaptureTest, ForgetsAnOriginalDestinationThatNobodyTook) {
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);
  ASSERT_EQ(Connect(c.get(), Vip4()), 0);
  base::SocketAddress peer;
  base::UniqueFd p1 = Accept(mesh_->outbound4.get(), &peer);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(p1.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);

  p1.Reset();

  EXPECT_FALSE(Taken(*mesh_, peer).has_value());
}

TEST_F(CaptureTest, ShowsTheApplicationTheNamesItExpects) {
  const base::UniqueFd c4 = SocketIn(mesh_->client, AF_INET);
  const base::UniqueFd c6 = SocketIn(mesh_->client, AF_INET6);
  ASSERT_EQ(Connect(c4.get(), Vip4()), 0);
  ASSERT_EQ(Connect(c6.get(), Vip6()), 0);

  EXPECT_EQ(Peer(c4.get()), Vip4());
  EXPECT_EQ(Peer(c6.get()), Vip6());
  EXPECT_EQ(Local(c4.get()).ip, mesh_->client.v4);
  EXPECT_EQ(Local(c6.get()).ip, mesh_->client.v6);
  Accept(mesh_->outbound4.get());
  Accept(mesh_->outbound6.get());
}

TEST_F(CaptureTest, ShowsAMappedSocketMappedNames) {
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET6);
  ASSERT_EQ(ConnectMapped(c.get(), Vip4()), 0);

  sockaddr_in6 name{};
  socklen_t size = sizeof name;
  ASSERT_EQ(getpeername(c.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);

  EXPECT_EQ(name.sin6_family, AF_INET6);
  EXPECT_EQ(base::IpAddress(name.sin6_addr), Vip4().ip);
  EXPECT_EQ(ntohs(name.sin6_port), 80);
  EXPECT_EQ(Local(c.get()).ip, mesh_->client.v4);
  Accept(mesh_->outbound4.get());
}

TEST_F(CaptureTest, KeepsTheAddressThatAnApplicationBound) {
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);
  sockaddr_storage storage;
  const socklen_t size = base::SocketAddress{mesh_->client.v4, 0}.ToSockaddr(storage);
  ASSERT_EQ(bind(c.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);

  ASSERT_EQ(Connect(c.get(), Vip4()), 0);

  base::SocketAddress peer;
  const base::UniqueFd p1 = Accept(mesh_->outbound4.get(), &peer);
  ASSERT_TRUE(p1.is_valid());
  EXPECT_EQ(peer.ip, mesh_->client.v4);
  EXPECT_EQ(Taken(*mesh_, peer), Vip4());
}

TEST_F(CaptureTest, CapturesASocketBoundToTheInterfaceOfThePod) {
  for (const int family : {AF_INET, AF_INET6}) {
    const base::UniqueFd c = SocketIn(mesh_->client, family);
    ASSERT_EQ(setsockopt(c.get(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), 0);

    ASSERT_EQ(Connect(c.get(), family == AF_INET ? Vip4() : Vip6()), 0);

    const int listener = family == AF_INET ? mesh_->outbound4.get() : mesh_->outbound6.get();
    EXPECT_TRUE(Accept(listener).is_valid());
    char device[IFNAMSIZ];
    socklen_t size = sizeof device;
    ASSERT_EQ(getsockopt(c.get(), SOL_SOCKET, SO_BINDTODEVICE, device, &size), 0);
    EXPECT_EQ(size, 0u);  // What docs/operations.md says that the application can see.
  }
}

TEST_F(CaptureTest, DeniesWithConnectionRefused) {
  const uint64_t before = mesh_->Counter("connect_denied_destination");
  const base::UniqueFd c4 = SocketIn(mesh_->client, AF_INET);
  const base::UniqueFd c6 = SocketIn(mesh_->client, AF_INET6);

  EXPECT_EQ(Connect(c4.get(), Vip4(81)), ECONNREFUSED);
  EXPECT_EQ(Connect(c6.get(), Vip6(81)), ECONNREFUSED);
  EXPECT_EQ(mesh_->Counter("connect_denied_destination"), before + 2);
}

TEST_F(CaptureTest, PassesAndCountsWhatIsNotInTheMesh) {
  const base::UniqueFd listener = Listen(mesh_->outside, {mesh_->outside.v4, 9000});
  const uint64_t before = mesh_->Counter("connect_passed");
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);

  ASSERT_EQ(Connect(c.get(), {mesh_->outside.v4, 9000}), 0);

  base::SocketAddress peer;
  ASSERT_TRUE(Accept(listener.get(), &peer).is_valid());
  EXPECT_EQ(peer.ip, mesh_->client.v4);
  EXPECT_EQ(mesh_->Counter("connect_passed"), before + 1);
}

TEST_F(CaptureTest, LeavesNamespacesThatAreNotEnrolledAlone) {
  const base::UniqueFd listener = Listen(mesh_->outside, {mesh_->outside.v4, 9001});
  const uint64_t before = mesh_->Counter("connect_passed");
  const base::UniqueFd c = SocketIn(mesh_->outside, AF_INET);

  ASSERT_EQ(Connect(c.get(), {mesh_->outside.v4, 9001}), 0);

  EXPECT_EQ(mesh_->Counter("connect_passed"), before);
}

TEST_F(CaptureTest, LetsAMarkedSocketOutUntouched) {
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);
  ASSERT_TRUE(mesh_->datapath->MarkDialSocket(c.get()).ok());
  const base::UniqueFd listener = Listen(mesh_->outside, {mesh_->outside.v4, 9002});

  EXPECT_EQ(Connect(c.get(), {mesh_->outside.v4, 9002}), 0);

  EXPECT_EQ(Peer(c.get()), (base::SocketAddress{mesh_->outside.v4, 9002}));
}

TEST_F(CaptureTest, RefusesMultipathTcpInAPod) {
  int fd = 0;
  int error = 0;
  In(mesh_->client, [&] {
    fd = socket(AF_INET, SOCK_STREAM, 262);
    error = errno;
  });

  EXPECT_EQ(fd, -1);
  EXPECT_EQ(error, EPROTONOSUPPORT);
}

TEST_F(CaptureTest, LeavesUdpAlone) {
  In(mesh_->client, [&] {
    const base::UniqueFd fd(socket(AF_INET, SOCK_DGRAM, 0));
    EXPECT_EQ(Connect(fd.get(), Vip4()), 0);
    EXPECT_EQ(Peer(fd.get()), Vip4());
  });
}

TEST_F(CaptureTest, FollowsAChangeOfTheDestinations) {
  Mesh& mesh = *mesh_;
  const base::SocketAddress later = At("10.98.0.9:7");
  const base::UniqueFd before = SocketIn(mesh.client, AF_INET);
  std::vector<datapath::Destination> table;
  for (const base::SocketAddress& vip : {Vip4(), Vip6()}) {
    table.push_back({.address = vip.ip, .port = 80, .path = datapath::FlowPath::kProxy});
    table.push_back({.address = vip.ip, .port = 0, .path = datapath::FlowPath::kDeny});
  }
  for (const base::IpAddress& pod :
       {mesh.client.v4, mesh.client.v6, mesh.server.v4, mesh.server.v6}) {
    table.push_back({.address = pod, .port = 0, .path = datapath::FlowPath::kProxy});
  }
  auto more = table;
  more.push_back({.address = later.ip, .port = later.port, .path = datapath::FlowPath::kDeny});

  const auto written = mesh.datapath->SyncDestinations(more);
  const int denied = Connect(before.get(), later);
  const auto deleted = mesh.datapath->SyncDestinations(table);

  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->written, 1u);
  EXPECT_EQ(denied, ECONNREFUSED);
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(deleted->deleted, 1u);
  EXPECT_EQ(deleted->written, 0u);
}

}  // namespace
}  // namespace sluice::bpf_test
