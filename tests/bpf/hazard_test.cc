// What an application can notice of a kernel path (docs/operations.md, Kernel path), as the kernel
// does it. A test that fails here tells good news: a hazard is gone, and the table and its levels
// can change.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "bpf/abi/abi.h"
#include "tests/bpf/mesh.h"

namespace sluice::bpf_test {
namespace {

// Past the probes: of what they refuse on this kernel, a part may be seen all the same.
void ForceLevel(const Mesh& mesh, sluice_level level) {
  const base::UniqueFd pods(bpf_obj_get((mesh.pin_dir() + "/sluice_pods").c_str()));
  const uint64_t cookie = mesh.client.cookie;
  sluice_pod pod;
  ASSERT_EQ(bpf_map_lookup_elem(pods.get(), &cookie, &pod), 0);
  pod.level = level;
  ASSERT_EQ(bpf_map_update_elem(pods.get(), &cookie, &pod, 0), 0);
}

struct Leg {
  base::UniqueFd application;
  base::UniqueFd proxy;
};

class HazardTest : public MeshTest, public testing::WithParamInterface<sluice_level> {
 protected:
  void SetUp() override {
    MeshTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (mesh_->datapath->probes().empty()) GTEST_SKIP() << "no splice program on this kernel";
    ForceLevel(*mesh_, GetParam());
    leg_.application = SocketIn(mesh_->client, AF_INET);
    ASSERT_EQ(Connect(leg_.application.get(), {*base::IpAddress::Parse(kVip4), 80}), 0);
    leg_.proxy = Accept(mesh_->outbound4.get());
    ASSERT_TRUE(leg_.proxy.is_valid());
  }
  static bool IsRedirectedToApplications() { return GetParam() == SLUICE_LEVEL_FULL; }
  // From the proxy.
  void Send(size_t size) {
    const std::string text(size, 'x');
    ASSERT_EQ(send(leg_.proxy.get(), text.data(), size, 0), static_cast<ssize_t>(size));
  }
  // The same, and there when this returns. Requires: nobody else reads.
  void SendAndWait(size_t size) {
    Send(size);
    pollfd readable{.fd = leg_.application.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&readable, 1, 5000), 1);
  }

  Leg leg_;
};

std::string LevelName(const testing::TestParamInfo<sluice_level>& tested) {
  switch (tested.param) {
    case SLUICE_LEVEL_OFF:
      return "off";
    case SLUICE_LEVEL_SEND:
      return "send";
    case SLUICE_LEVEL_FULL:
      return "full";
  }
  return "unknown";
}

INSTANTIATE_TEST_SUITE_P(Levels, HazardTest,
                         testing::Values(SLUICE_LEVEL_OFF, SLUICE_LEVEL_SEND, SLUICE_LEVEL_FULL),
                         LevelName);

TEST_P(HazardTest, SpliceReaderSeesNothingOnlyOfRedirectedBytes) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const base::UniqueFd out(ends[0]);
  const base::UniqueFd in(ends[1]);
  ASSERT_EQ(fcntl(leg_.application.get(), F_SETFL, O_NONBLOCK), 0);
  SendAndWait(100);

  const ssize_t moved =
      splice(leg_.application.get(), nullptr, in.get(), nullptr, 1000, SPLICE_F_NONBLOCK);

  EXPECT_EQ(moved, IsRedirectedToApplications() ? -1 : 100) << errno;
}

TEST_P(HazardTest, WaitingForAllBytesIsCutShortOnlyWithRedirectedBytes) {
  char text[200];
  const timeval limit{.tv_sec = 0, .tv_usec = 200'000};
  setsockopt(leg_.application.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  SendAndWait(100);
  std::thread later([&] {
    poll(nullptr, 0, 20);  // So that the reader waits by then; were it not to, it would see all.
    Send(100);
  });

  const ssize_t received = recv(leg_.application.get(), text, sizeof text, MSG_WAITALL);
  later.join();

  EXPECT_EQ(received, IsRedirectedToApplications() ? 100 : 200);
}

}  // namespace
}  // namespace sluice::bpf_test
