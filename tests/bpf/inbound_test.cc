#include "tests/bpf/mesh.h"

namespace sluice::bpf_test {
namespace {

using InboundTest = MeshTest;

TEST_F(InboundTest, GivesAnOutsideConnectionToTheListenerWithBothAddressesKept) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  const base::UniqueFd c = SocketIn(mesh_->outside, AF_INET);

  ASSERT_EQ(Connect(c.get(), {mesh_->server.v4, kAppPort}), 0);

  base::SocketAddress peer;
  const base::UniqueFd accepted = Accept(mesh_->inbound4.get(), &peer);
  ASSERT_TRUE(accepted.is_valid());
  EXPECT_EQ(peer, Local(c.get()));
  EXPECT_EQ(Local(accepted.get()), (base::SocketAddress{mesh_->server.v4, kAppPort}));
}

TEST_F(InboundTest, WorksForIpv6) {
  const base::UniqueFd c = SocketIn(mesh_->outside, AF_INET6);

  ASSERT_EQ(Connect(c.get(), {mesh_->server.v6, kAppPort}), 0);

  base::SocketAddress peer;
  const base::UniqueFd accepted = Accept(mesh_->inbound6.get(), &peer);
  EXPECT_EQ(peer, Local(c.get()));
  EXPECT_EQ(Local(accepted.get()), (base::SocketAddress{mesh_->server.v6, kAppPort}));
}

TEST_F(InboundTest, LetsTheProxysDialReachTheApplication) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});

  const base::UniqueFd p2 =
      mesh_->DialLocalPod({mesh_->client.v4, 0}, {mesh_->server.v4, kAppPort});

  ASSERT_TRUE(p2.is_valid());
  base::SocketAddress peer;
  ASSERT_TRUE(Accept(app.get(), &peer).is_valid());
  EXPECT_EQ(peer.ip, mesh_->client.v4);
}

TEST_F(InboundTest, LetsTheProxysIpv6DialReachADualStackApplication) {
  const base::UniqueFd app = Listen(mesh_->server, At("[::]:8081"), true);

  const base::UniqueFd v6 = mesh_->DialLocalPod({mesh_->client.v6, 0}, {mesh_->server.v6, 8081});
  const base::UniqueFd v4 = mesh_->DialLocalPod({mesh_->client.v4, 0}, {mesh_->server.v4, 8081});

  base::SocketAddress peer6;
  base::SocketAddress peer4;
  ASSERT_TRUE(Accept(app.get(), &peer6).is_valid());
  ASSERT_TRUE(Accept(app.get(), &peer4).is_valid());
  EXPECT_EQ(peer6.ip, mesh_->client.v6);
  EXPECT_EQ(peer4.ip, mesh_->client.v4);
}

TEST_F(InboundTest, CatchesAConnectionThatUsesTheAddressesOfAFinishedDial) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  base::UniqueFd p2 = mesh_->DialLocalPod({mesh_->outside.v4, 0}, {mesh_->server.v4, kAppPort});
  ASSERT_TRUE(p2.is_valid());
  const base::SocketAddress used = Local(p2.get());
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(p2.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  p2.Reset();
  const base::UniqueFd c = SocketIn(mesh_->outside, AF_INET);
  sockaddr_storage storage;
  const socklen_t size = used.ToSockaddr(storage);
  ASSERT_EQ(bind(c.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);

  ASSERT_EQ(Connect(c.get(), {mesh_->server.v4, kAppPort}), 0);

  base::SocketAddress peer;
  EXPECT_TRUE(Accept(mesh_->inbound4.get(), &peer).is_valid());
  EXPECT_EQ(peer, used);
}

TEST_F(InboundTest, RefusesADialToAPortWhereNobodyListens) {
  const base::UniqueFd p2 = mesh_->DialLocalPod({mesh_->client.v4, 0}, {mesh_->server.v4, 4});

  EXPECT_FALSE(p2.is_valid());
  EXPECT_EQ(errno, ECONNREFUSED);
}

TEST_F(InboundTest, LeavesLoopbackAlone) {
  const base::UniqueFd app = Listen(mesh_->server, At("127.0.0.1:8082"));
  const base::UniqueFd c = SocketIn(mesh_->server, AF_INET);

  ASSERT_EQ(Connect(c.get(), At("127.0.0.1:8082")), 0);

  EXPECT_TRUE(Accept(app.get()).is_valid());
}

// The client pod has no inbound listener in this mesh.
TEST_F(InboundTest, RefusesAPodWithoutAListener) {
  const base::UniqueFd app = Listen(mesh_->client, {mesh_->client.v4, kAppPort});
  const base::UniqueFd c = SocketIn(mesh_->outside, AF_INET);
  const timeval limit{.tv_sec = 0, .tv_usec = 200'000};
  setsockopt(c.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);

  EXPECT_NE(Connect(c.get(), {mesh_->client.v4, kAppPort}), 0);

  EXPECT_GT(mesh_->Counter("inbound_denied_no_listener"), 0u);
}

}  // namespace
}  // namespace sluice::bpf_test
