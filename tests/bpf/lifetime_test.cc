// What is left when connections, pods and the data path go away.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/bpf/mesh.h"
#include "userspace/datapath/earlier_runs.h"

namespace sluice::bpf_test {
namespace {

using LifetimeTest = MeshTest;

base::SocketAddress Vip4() { return {*base::IpAddress::Parse(kVip4), 80}; }

size_t CountEntries(const std::string& pin) {
  const base::UniqueFd map(bpf_obj_get(pin.c_str()));
  EXPECT_TRUE(map.is_valid()) << pin;
  uint8_t key[64];
  size_t count = 0;
  for (const void* previous = nullptr; bpf_map_get_next_key(map.get(), previous, key) == 0;
       previous = key)
    ++count;
  return count;
}

// Entries of all tables that connections fill. The wall is one of the spliced sockets.
size_t CountConnectionEntries(const Mesh& mesh) {
  size_t count = 0;
  for (const char* map :
       {"sluice_original_destinations", "sluice_dials", "sluice_spliced", "sluice_pairs"}) {
    count += CountEntries(absl::StrCat(mesh.pin_dir(), "/", map));
  }
  return count;
}

// The last ACKs of a closed connection are handled beside the test.
bool WaitForEntries(const Mesh& mesh, size_t expected) {
  const auto began = std::chrono::steady_clock::now();
  do {
    if (CountConnectionEntries(mesh) == expected) return true;
    poll(nullptr, 0, 10);
  } while (std::chrono::steady_clock::now() - began < Patience());
  ADD_FAILURE() << CountConnectionEntries(mesh) << " entries instead of " << expected;
  return false;
}

TEST_F(LifetimeTest, LosesNothingAndLeavesNoEntryAfterTwentyThousandConnections) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  const uint64_t lost_before = mesh_->Counter("original_destination_lost");
  ASSERT_TRUE(WaitForEntries(*mesh_, 1));

  In(mesh_->client, [&] {
    for (int i = 0; i < 20'000; ++i) {
      base::UniqueFd c = Socket(AF_INET);
      ASSERT_EQ(Connect(c.get(), Vip4()), 0) << "connection " << i;
      const base::UniqueFd p1 = Accept(mesh_->outbound4.get());
      ASSERT_EQ(send(c.get(), "hello", 5, 0), 5);
      // Both ways to end, both orders, and originals that nobody takes.
      const linger reset{.l_onoff = 1, .l_linger = 0};
      if (i % 2 == 0) setsockopt(c.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      if (i % 3 == 0) c.Reset();
    }
  });

  EXPECT_EQ(mesh_->Counter("original_destination_lost"), lost_before);
  EXPECT_TRUE(WaitForEntries(*mesh_, 1));
}

TEST_F(LifetimeTest, LeavesNoEntryAfterHops) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});

  for (int i = 0; i < 100; ++i) mesh_->MakeHop(app.get(), Vip4(), {mesh_->server.v4, kAppPort});

  EXPECT_TRUE(WaitForEntries(*mesh_, 1));
}

TEST_F(LifetimeTest, LeavesNoEntryOfADialThatFailed) {
  EXPECT_FALSE(mesh_->DialLocalPod({mesh_->client.v4, 0}, {mesh_->server.v4, 4}).is_valid());

  EXPECT_TRUE(WaitForEntries(*mesh_, 1));
}

// With TCP_DEFER_ACCEPT (Apache's default) the application's socket is made by the first bytes,
// which so come over TCP.
TEST_F(LifetimeTest, KeepsAPairOnTcpWhenTheProxySpeaksBeforeTheApplicationIsThere) {
  constexpr auto kFull = datapath::Acceleration::kFull;
  if (mesh_->datapath->ChooseLevel(kFull).level != kFull) GTEST_SKIP() << "needs full";
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  const int seconds = 5;
  ASSERT_EQ(setsockopt(app.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds), 0);
  const uint64_t before = mesh_->Counter("pair_tcp_only");
  const base::UniqueFd p2 =
      mesh_->DialLocalPod({mesh_->client.v4, 0}, {mesh_->server.v4, kAppPort});
  ASSERT_TRUE(p2.is_valid());

  ASSERT_EQ(send(p2.get(), "early", 5, 0), 5);

  const base::UniqueFd s = Accept(app.get());
  char text[8];
  int waiting = 0;
  ASSERT_TRUE(s.is_valid());
  EXPECT_EQ(mesh_->Counter("pair_tcp_only"), before + 1);
  EXPECT_EQ(ioctl(s.get(), FIONREAD, &waiting), 0);
  EXPECT_EQ(waiting, 5) << "an enrolled socket would say 0";
  EXPECT_EQ(recv(s.get(), text, sizeof text, 0), 5);
  EXPECT_EQ(send(s.get(), "late", 4, 0), 4);
  EXPECT_EQ(recv(p2.get(), text, sizeof text, 0), 4);
}

TEST_F(LifetimeTest, EnrolsAPodAgainAfterItWasRemoved) {
  Mesh& mesh = *mesh_;
  ASSERT_TRUE(mesh.datapath->RemovePod(mesh.client.cookie).ok());
  const base::UniqueFd c = SocketIn(mesh.client, AF_INET);
  const timeval limit{.tv_sec = 0, .tv_usec = 100'000};
  setsockopt(c.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const uint64_t before = mesh.Counter("connect_proxied");

  EXPECT_NE(Connect(c.get(), Vip4()), 0);
  EXPECT_EQ(mesh.Counter("connect_proxied"), before);
  EXPECT_TRUE(mesh.EnrolClient().ok());
}

TEST_F(LifetimeTest, RefusesASecondPodWithTheSameAddressAndTakesNothing) {
  Mesh& mesh = *mesh_;

  const absl::Status status = mesh.datapath->EnrolPod({.pod_id = 9,
                                                       .netns_cookie = mesh.outside.cookie,
                                                       .netns_fd = mesh.outside.fd.get(),
                                                       .address_v4 = mesh.outside.v4,
                                                       .address_v6 = mesh.server.v6});

  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_TRUE(absl::IsNotFound(mesh.datapath->RemovePod(mesh.outside.cookie)));
}

// A mesh of its own, whose run is left and followed by others.
class RunsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() == 0) {
      mesh_ = std::make_unique<Mesh>(datapath::Acceleration::kFull);
      mesh_->Enrol();
      return;
    }
    if (std::getenv("CI") != nullptr) FAIL() << "needs root to load kernel programs";
    GTEST_SKIP() << "needs root to load kernel programs";
  }

  // As a process that died: pins stay, listeners close.
  void LeaveRun() {
    mesh_->datapath->Leave();
    mesh_->datapath.reset();
    for (base::UniqueFd* fd :
         {&mesh_->outbound4, &mesh_->outbound6, &mesh_->inbound4, &mesh_->inbound6})
      fd->Reset();
  }
  void StartRun() {
    auto made = datapath::Datapath::Create({.bpffs_dir = mesh_->base_dir()});
    ASSERT_TRUE(made.ok()) << made.status();
    mesh_->datapath = *std::move(made);
  }
  // The errno of a dial to the application past the mesh; 0: it was reached.
  int Dial(const Namespace& from) {
    const base::UniqueFd c = SocketIn(from, AF_INET);
    return Connect(c.get(), {mesh_->server.v4, kAppPort});
  }

  std::unique_ptr<Mesh> mesh_;
};

TEST_F(RunsTest, PodsOfARunThatLeftAreClosed) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  LeaveRun();

  EXPECT_EQ(Dial(mesh_->client), ECONNREFUSED);
  EXPECT_EQ(Dial(mesh_->outside), ECONNREFUSED);
}

TEST_F(RunsTest, TheNextRunTakesEachPodOverByItself) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  LeaveRun();
  StartRun();
  EXPECT_THAT(mesh_->datapath->EarlierPods(),
              testing::UnorderedElementsAre(mesh_->client.cookie, mesh_->server.cookie));
  EXPECT_EQ(Dial(mesh_->client), ECONNREFUSED);

  ASSERT_TRUE(mesh_->EnrolClient().ok());

  EXPECT_THAT(mesh_->datapath->EarlierPods(), testing::ElementsAre(mesh_->server.cookie));
  EXPECT_EQ(Dial(mesh_->client), ECONNREFUSED) << "the server's pod is closed still";
  mesh_->datapath->ReleaseEarlierPod(mesh_->server.cookie);
  EXPECT_THAT(mesh_->datapath->EarlierPods(), testing::IsEmpty());
  EXPECT_EQ(Dial(mesh_->outside), 0);
  EXPECT_FALSE(std::filesystem::exists(mesh_->pin_dir())) << "the first run is gone";
}

TEST_F(RunsTest, ARunThatCapturesNobodyIsTakenAwayByTheNext) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  LeaveRun();
  StartRun();
  mesh_->datapath->Leave();
  StartRun();

  EXPECT_FALSE(std::filesystem::exists(mesh_->base_dir() + "/2"));
  EXPECT_EQ(mesh_->datapath->EarlierPods().size(), 2u);
  EXPECT_EQ(Dial(mesh_->client), ECONNREFUSED);
}

TEST_F(RunsTest, AStartThatIsGivenUpLeavesTheEarlierRunAlone) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  LeaveRun();
  StartRun();
  ASSERT_TRUE(mesh_->EnrolClient().ok());
  mesh_->datapath.reset();  // Neither detached nor left: only its own goes.

  EXPECT_EQ(Dial(mesh_->outside), ECONNREFUSED);
}

TEST_F(RunsTest, RefusesToStartBesideMoreEarlierRunsThanTheLimit) {
  LeaveRun();
  const base::UniqueFd pinned(bpf_map_create(BPF_MAP_TYPE_ARRAY, "stale", 4, 4, 1, nullptr));
  for (size_t run = 2; run <= datapath::kEarlierRunsMax + 1; ++run) {
    const std::string dir = absl::StrCat(mesh_->base_dir(), "/", run);
    ASSERT_TRUE(std::filesystem::create_directory(dir));
    ASSERT_EQ(bpf_obj_pin(pinned.get(), absl::StrCat(dir, "/inbound_", run).c_str()), 0);
  }

  const auto made = datapath::Datapath::Create({.bpffs_dir = mesh_->base_dir()});

  EXPECT_TRUE(absl::IsResourceExhausted(made.status())) << made.status();
  EXPECT_EQ(Dial(mesh_->client), ECONNREFUSED) << "the pods stay closed";
}

TEST_F(RunsTest, DetachTakesEarlierRunsAwayToo) {
  const base::UniqueFd app = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
  LeaveRun();
  StartRun();

  EXPECT_TRUE(mesh_->datapath->Detach().ok());

  EXPECT_FALSE(std::filesystem::exists(mesh_->base_dir()));
  EXPECT_EQ(Dial(mesh_->client), 0);
  EXPECT_EQ(Dial(mesh_->outside), 0);
}

uint32_t MapId(const std::string& pin) {
  const base::UniqueFd map(bpf_obj_get(pin.c_str()));
  bpf_map_info info{};
  uint32_t size = sizeof info;
  return bpf_obj_get_info_by_fd(map.get(), &info, &size) == 0 ? info.id : 0;
}

// The kernel frees maps and programs a moment after their last user.
bool WaitUntilMapIsGone(uint32_t id) {
  for (int turn = 0; turn < 500; ++turn) {
    if (!base::UniqueFd(bpf_map_get_fd_by_id(id)).is_valid()) return true;
    poll(nullptr, 0, 10);
  }
  return false;
}

using ReleaseTest = MeshTest;  // A suite of its own: its mesh is gone afterwards.

TEST_F(ReleaseTest, LetsGoOfSocketsThatApplicationsKeepOpen) {
  Mesh& mesh = *mesh_;
  const base::UniqueFd app = Listen(mesh.server, {mesh.server.v4, kAppPort});
  const Hop hop = mesh.MakeHop(app.get(), Vip4(), {mesh.server.v4, kAppPort});
  const uint32_t spliced_id = MapId(absl::StrCat(mesh.pin_dir(), "/sluice_spliced"));
  ASSERT_NE(spliced_id, 0u);

  mesh.datapath.reset();

  EXPECT_TRUE(WaitUntilMapIsGone(spliced_id)) << "the sockets hold program and map";
}

using UnreadTest = MeshTest;  // Likewise.

TEST_F(UnreadTest, LeavesAnApplicationWhatWasRedirectedToItAndItHasNotRead) {
  constexpr auto kFull = datapath::Acceleration::kFull;
  Mesh& mesh = *mesh_;
  if (mesh.datapath->ChooseLevel(kFull).level != kFull) GTEST_SKIP() << "needs full";
  const base::UniqueFd app = Listen(mesh.server, {mesh.server.v4, kAppPort});
  Hop hop = mesh.MakeHop(app.get(), Vip4(), {mesh.server.v4, kAppPort});
  const Hop idle = mesh.MakeHop(app.get(), Vip4(), {mesh.server.v4, kAppPort});
  const uint32_t spliced_id = MapId(absl::StrCat(mesh.pin_dir(), "/sluice_spliced"));
  ASSERT_EQ(send(hop.p1.get(), "to c", 4, 0), 4);
  ASSERT_EQ(send(hop.p2.get(), "to s", 4, 0), 4);
  hop.p1.Reset();
  hop.p2.Reset();

  mesh.datapath.reset();

  char text[8];
  EXPECT_EQ(recv(hop.c.get(), text, sizeof text, 0), 4);
  EXPECT_EQ(recv(hop.s.get(), text, sizeof text, 0), 4);
  EXPECT_EQ(recv(hop.c.get(), text, sizeof text, 0), 0);
  EXPECT_EQ(recv(hop.s.get(), text, sizeof text, 0), 0);
  hop.c.Reset();
  hop.s.Reset();
  EXPECT_TRUE(WaitUntilMapIsGone(spliced_id)) << "the sockets hold program and map";
}

TEST(CreateTest, RefusesAFolderThatIsNotOnABpffs) {
  const auto made =
      datapath::Datapath::Create({.bpffs_dir = absl::StrCat("/tmp/slbpf-", getpid(), "-plain")});

  EXPECT_TRUE(absl::IsFailedPrecondition(made.status())) << made.status();
  rmdir(absl::StrCat("/tmp/slbpf-", getpid(), "-plain").c_str());
}

}  // namespace
}  // namespace sluice::bpf_test
