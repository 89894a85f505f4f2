// Receive buffers of applications that talk to the proxy: of a fixed size at every level, unless
// the application has a size of its own.
#include <sys/socket.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "bpf/abi/limits.h"
#include "tests/bpf/mesh.h"
#include "userspace/base/check.h"

namespace sluice::bpf_test {
namespace {

using datapath::Acceleration;

constexpr int kOwnSize = 100'000;

// As getsockopt() tells it: the kernel doubles what it is given.
int ReceiveBuffer(int fd) {
  int size = 0;
  socklen_t length = sizeof size;
  EXPECT_EQ(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length), 0);
  return size;
}

void SetOwnReceiveBuffer(int fd) {
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kOwnSize, sizeof kOwnSize), 0);
}

// The kernel allows nobody but root more than this; programs neither.
int FixedSize() {
  int rmem_max = 0;
  std::ifstream("/proc/sys/net/core/rmem_max") >> rmem_max;
  return 2 * std::min(rmem_max, SLUICE_APPLICATION_RECEIVE_BYTES);
}

class ReceiveTest : public MeshTest, public testing::WithParamInterface<Acceleration> {
 protected:
  void SetUp() override {
    MeshTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto choice = mesh_->datapath->ChooseLevel(GetParam());
    if (choice.level != GetParam()) GTEST_SKIP() << "not on this kernel: " << choice.reason;
    for (const Namespace* pod : {&mesh_->client, &mesh_->server})
      ASSERT_TRUE(mesh_->datapath->SetAcceleration(pod->cookie, choice.level).ok());
    not_bounded_ = mesh_->Counter("receive_not_bounded");
  }
  void TearDown() override {
    if (mesh_ == nullptr || IsSkipped()) return;
    EXPECT_EQ(mesh_->Counter("receive_not_bounded"), not_bounded_);
  }

  uint64_t not_bounded_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Levels, ReceiveTest,
                         testing::Values(Acceleration::kOff, Acceleration::kFull),
                         [](const auto& each) {
                           return each.param == Acceleration::kOff ? "Off" : "Full";
                         });

TEST_P(ReceiveTest, IsFixedForBothApplicationsOfAHop) {
  for (const bool is_v4 : {true, false}) {
    const base::SocketAddress at{is_v4 ? mesh_->server.v4 : mesh_->server.v6, kAppPort};
    const base::UniqueFd app = Listen(mesh_->server, at);

    const Hop hop =
        mesh_->MakeHop(app.get(), {*base::IpAddress::Parse(is_v4 ? kVip4 : kVip6), 80}, at);

    EXPECT_EQ(ReceiveBuffer(hop.c.get()), FixedSize());
    EXPECT_EQ(ReceiveBuffer(hop.s.get()), FixedSize());
  }
}

TEST_P(ReceiveTest, LeavesApplicationsTheSizeThatTheyChose) {
  const base::SocketAddress at{mesh_->server.v4, kAppPort};
  const base::UniqueFd app = Listen(mesh_->server, at);
  SetOwnReceiveBuffer(app.get());
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);
  SetOwnReceiveBuffer(c.get());

  ASSERT_EQ(Connect(c.get(), {*base::IpAddress::Parse(kVip4), 80}), 0);
  const base::UniqueFd p1 = Accept(mesh_->outbound4.get());
  const base::UniqueFd p2 = mesh_->DialLocalPod({mesh_->client.v4, 0}, at);
  const base::UniqueFd s = Accept(app.get());

  EXPECT_EQ(ReceiveBuffer(c.get()), 2 * kOwnSize);
  EXPECT_EQ(ReceiveBuffer(s.get()), 2 * kOwnSize);
}

TEST_P(ReceiveTest, IsFixedForASocketThatASynCookieMade) {
  const auto always = [&](const char* value) {
    In(mesh_->server, [&] {
      std::ofstream file("/proc/sys/net/ipv4/tcp_syncookies");
      file << value << std::flush;
      SLUICE_CHECK(file.good());
    });
  };
  const base::SocketAddress at{mesh_->server.v4, kAppPort};
  const base::UniqueFd app = Listen(mesh_->server, at);
  always("2");

  const base::UniqueFd p2 = mesh_->DialLocalPod({mesh_->client.v4, 0}, at);
  const base::UniqueFd s = Accept(app.get());

  always("1");
  EXPECT_EQ(ReceiveBuffer(s.get()), FixedSize());
}

TEST_P(ReceiveTest, LeavesASocketAloneThatTalksPastTheProxy) {
  const base::UniqueFd app = Listen(mesh_->outside, {mesh_->outside.v4, kAppPort});
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);
  const int before = ReceiveBuffer(app.get());

  ASSERT_EQ(Connect(c.get(), {mesh_->outside.v4, kAppPort}), 0);

  const base::UniqueFd s = Accept(app.get());
  EXPECT_EQ(ReceiveBuffer(s.get()), before);
  EXPECT_NE(ReceiveBuffer(c.get()), FixedSize());
}

}  // namespace
}  // namespace sluice::bpf_test
