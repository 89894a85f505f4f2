// Levels of single pods: whose sockets are joined, from when on, and whose never.
#include <sys/socket.h>

#include "tests/bpf/mesh.h"

namespace sluice::bpf_test {
namespace {

using datapath::Acceleration;

class LevelTest : public MeshTest {
 protected:
  void SetUp() override {
    MeshTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto choice = mesh_->datapath->ChooseLevel(Acceleration::kFull);
    if (choice.level != Acceleration::kFull)
      GTEST_SKIP() << "this kernel does not reach full: " << choice.reason;
    app_ = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  }
  void TearDown() override {
    if (mesh_ == nullptr) return;
    SetLevels(Acceleration::kFull, Acceleration::kFull);
  }
  static void SetLevels(Acceleration client, Acceleration server) {
    ASSERT_TRUE(mesh_->datapath->SetAcceleration(mesh_->client.cookie, client).ok());
    ASSERT_TRUE(mesh_->datapath->SetAcceleration(mesh_->server.cookie, server).ok());
  }
  Hop MakeHop() {
    return mesh_->MakeHop(app_.get(), {*base::IpAddress::Parse(kVip4), 80},
                          {mesh_->server.v4, kAppPort});
  }
  // Messages of `from` that were redirected, out of one.
  static uint64_t RedirectedBy(int from, int to) {
    const uint64_t before = mesh_->Counter("splice_redirected");
    char byte = 'x';
    EXPECT_EQ(send(from, &byte, 1, 0), 1);
    EXPECT_EQ(recv(to, &byte, 1, 0), 1);
    return mesh_->Counter("splice_redirected") - before;
  }

  base::UniqueFd app_;
};

TEST_F(LevelTest, LeavesBothLegsOnTcpWhereNoPodAsks) {
  SetLevels(Acceleration::kOff, Acceleration::kOff);
  const uint64_t before = mesh_->Counter("pair_joined");

  const Hop hop = MakeHop();

  EXPECT_EQ(mesh_->Counter("pair_joined"), before);
  EXPECT_EQ(RedirectedBy(hop.c.get(), hop.p1.get()), 0u);
  EXPECT_EQ(RedirectedBy(hop.p2.get(), hop.s.get()), 0u);
}

TEST_F(LevelTest, JoinsOnlyTheLegOfThePodThatAsks) {
  SetLevels(Acceleration::kOff, Acceleration::kFull);

  const Hop hop = MakeHop();

  EXPECT_EQ(RedirectedBy(hop.c.get(), hop.p1.get()), 0u);
  EXPECT_EQ(RedirectedBy(hop.p1.get(), hop.c.get()), 0u);
  EXPECT_EQ(RedirectedBy(hop.s.get(), hop.p2.get()), 1u);
  EXPECT_EQ(RedirectedBy(hop.p2.get(), hop.s.get()), 1u);
}

TEST_F(LevelTest, LeavesAnOpenConnectionAsItIsWhenThePodChangesItsMind) {
  const Hop joined = MakeHop();
  SetLevels(Acceleration::kOff, Acceleration::kOff);
  const Hop plain = MakeHop();
  SetLevels(Acceleration::kFull, Acceleration::kFull);

  EXPECT_EQ(RedirectedBy(joined.p1.get(), joined.c.get()), 1u);
  EXPECT_EQ(RedirectedBy(joined.s.get(), joined.p2.get()), 1u);
  EXPECT_EQ(RedirectedBy(plain.p1.get(), plain.c.get()), 0u);
  EXPECT_EQ(RedirectedBy(plain.s.get(), plain.p2.get()), 0u);
}

TEST_F(LevelTest, RefusesToChangeAPodThatIsNotEnrolled) {
  EXPECT_TRUE(absl::IsNotFound(
      mesh_->datapath->SetAcceleration(mesh_->outside.cookie, Acceleration::kFull)));
}

void AllowZerocopy(int fd) {
  const int one = 1;
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one), 0);
}

// True if the kernel tells that it needs the bytes of a MSG_ZEROCOPY send no more.
bool IsToldOfCompletion(int from, int to) {
  char byte = 'x';
  EXPECT_EQ(send(from, &byte, 1, MSG_ZEROCOPY), 1);
  EXPECT_EQ(recv(to, &byte, 1, 0), 1);
  char control[256];
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  return recvmsg(from, &message, MSG_ERRQUEUE) == 0;
}

TEST_F(LevelTest, LeavesAClientOnTcpThatHasAskedForZerocopy) {
  const uint64_t before = mesh_->Counter("pair_left_zerocopy");
  const base::UniqueFd c = SocketIn(mesh_->client, AF_INET);
  AllowZerocopy(c.get());

  ASSERT_EQ(Connect(c.get(), {*base::IpAddress::Parse(kVip4), 80}), 0);

  const base::UniqueFd p1 = Accept(mesh_->outbound4.get());
  EXPECT_EQ(mesh_->Counter("pair_left_zerocopy"), before + 1);
  EXPECT_TRUE(IsToldOfCompletion(c.get(), p1.get()));
  EXPECT_EQ(RedirectedBy(p1.get(), c.get()), 0u);
}

TEST_F(LevelTest, LeavesAServerOnTcpWhoseListenerHasAskedForZerocopy) {
  const uint64_t before = mesh_->Counter("pair_left_zerocopy");
  AllowZerocopy(app_.get());

  const Hop hop = MakeHop();

  EXPECT_EQ(mesh_->Counter("pair_left_zerocopy"), before + 1);
  EXPECT_TRUE(IsToldOfCompletion(hop.s.get(), hop.p2.get()));
  EXPECT_EQ(RedirectedBy(hop.p2.get(), hop.s.get()), 0u);
}

}  // namespace
}  // namespace sluice::bpf_test
