#include "tests/bpf/mesh.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "userspace/base/check.h"
#include "userspace/base/mesh_ports.h"
#include "userspace/datapath/constants.h"
#include "userspace/datapath/original_destination.h"

namespace sluice::bpf_test {

using datapath::Destination;
using datapath::FlowPath;

namespace {

// Pins of a run that was killed live as long as its bpffs: programs on the cgroup root among them.
void UnmountStale() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/tmp", error)) {
    const std::string name = entry.path().filename();
    int pid = 0;
    if (!absl::StartsWith(name, "slbpf-") || !absl::SimpleAtoi(name.substr(6), &pid)) continue;
    if (kill(pid, 0) == 0 || errno != ESRCH) continue;
    umount(entry.path().c_str());
    rmdir(entry.path().c_str());
  }
}

}  // namespace

Mesh::Mesh(datapath::Acceleration acceleration) : acceleration_(acceleration) {
  UnmountStale();
  bpffs_ = absl::StrCat("/tmp/slbpf-", getpid());
  mkdir(bpffs_.c_str(), 0700);
  has_mounted_ = mount("none", bpffs_.c_str(), "bpf", 0, nullptr) == 0;
  SLUICE_CHECK(has_mounted_);
  auto made = datapath::Datapath::Create({.bpffs_dir = base_dir()});
  if (!made.ok()) std::fprintf(stderr, "%s\n", made.status().ToString().c_str());
  SLUICE_CHECK(made.ok());
  datapath = *std::move(made);
}

Mesh::~Mesh() {
  datapath.reset();
  umount(bpffs_.c_str());
  rmdir(bpffs_.c_str());
}

absl::Status Mesh::EnrolClient() {
  return datapath->EnrolPod({.pod_id = 1,
                             .netns_cookie = client.cookie,
                             .netns_fd = client.fd.get(),
                             .address_v4 = client.v4,
                             .address_v6 = client.v6,
                             .acceleration = acceleration_});
}

void Mesh::Enrol() {
  using base::kInboundPort;
  using base::kOutboundPort;
  PrepareDials(client);
  PrepareDials(server);
  outbound4 = Listen(client, At(absl::StrCat("127.0.0.1:", kOutboundPort)));
  outbound6 = Listen(client, At(absl::StrCat("[::1]:", kOutboundPort)));
  inbound4 = Listen(server, At(absl::StrCat("0.0.0.0:", kInboundPort)));
  inbound6 = Listen(server, At(absl::StrCat("[::]:", kInboundPort)));
  SLUICE_CHECK(EnrolClient().ok());
  SLUICE_CHECK(datapath
                   ->EnrolPod({.pod_id = 2,
                               .netns_cookie = server.cookie,
                               .netns_fd = server.fd.get(),
                               .address_v4 = server.v4,
                               .address_v6 = server.v6,
                               .inbound_listener_v4 = inbound4.get(),
                               .inbound_listener_v6 = inbound6.get(),
                               .acceleration = acceleration_})
                   .ok());
  std::vector<Destination> destinations;
  for (const char* vip : {kVip4, kVip6}) {
    const base::IpAddress address = *base::IpAddress::Parse(vip);
    destinations.push_back({.address = address, .port = 80, .path = FlowPath::kProxy});
    destinations.push_back({.address = address, .port = 0, .path = FlowPath::kDeny});
  }
  for (const base::IpAddress& address : {client.v4, client.v6, server.v4, server.v6}) {
    destinations.push_back({.address = address, .port = 0, .path = FlowPath::kProxy});
  }
  SLUICE_CHECK(datapath->SyncDestinations(destinations).ok());
}

base::UniqueFd Mesh::DialLocalPod(const base::SocketAddress& as, const base::SocketAddress& to) {
  const bool is_v4 = to.ip.is_v4();
  base::UniqueFd fd = SocketIn(server, is_v4 ? AF_INET : AF_INET6);
  const int one = 1;
  const uint32_t mark = datapath::kDialMark;
  if (is_v4) {
    SLUICE_CHECK(setsockopt(fd.get(), IPPROTO_IP, IP_TRANSPARENT, &one, sizeof one) == 0);
  } else {
    SLUICE_CHECK(setsockopt(fd.get(), IPPROTO_IPV6, IPV6_TRANSPARENT, &one, sizeof one) == 0);
  }
  SLUICE_CHECK(setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0);
  SLUICE_CHECK(setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0);
  SLUICE_CHECK(datapath->MarkDialSocket(fd.get()).ok());
  sockaddr_storage storage;
  const socklen_t size = as.ToSockaddr(storage);
  SLUICE_CHECK(bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
  const int error = Connect(fd.get(), to);
  if (error != 0) {
    errno = error;
    fd.Reset();
  }
  return fd;
}

Hop Mesh::MakeHop(int app, const base::SocketAddress& vip, const base::SocketAddress& app_address) {
  Hop hop;
  hop.c = SocketIn(client, vip.ip.is_v4() ? AF_INET : AF_INET6);
  SLUICE_CHECK(Connect(hop.c.get(), vip) == 0);
  base::SocketAddress peer;
  hop.p1 = Accept(vip.ip.is_v4() ? outbound4.get() : outbound6.get(), &peer);
  SLUICE_CHECK(hop.p1.is_valid());
  SLUICE_CHECK(datapath::TakeOriginalDestination(datapath->original_destinations_fd(),
                                                 client.cookie, peer) == vip);
  hop.p2 =
      DialLocalPod({.ip = app_address.ip.is_v4() ? client.v4 : client.v6, .port = 0}, app_address);
  SLUICE_CHECK(hop.p2.is_valid());
  hop.s = Accept(app);
  SLUICE_CHECK(hop.s.is_valid());
  return hop;
}

uint64_t Mesh::Counter(const std::string& name) const {
  for (const datapath::KernelCounter& counter : datapath->ReadCounters()) {
    if (counter.name == name) return counter.value;
  }
  ADD_FAILURE() << "no counter " << name;
  return 0;
}

std::unique_ptr<Mesh> MeshTest::mesh_;

void MeshTest::SetUpTestSuite() {
  if (geteuid() != 0) return;
  mesh_ = std::make_unique<Mesh>(datapath::Acceleration::kFull);
  mesh_->Enrol();
}

void MeshTest::TearDownTestSuite() { mesh_.reset(); }

void MeshTest::SetUp() {
  if (mesh_ != nullptr) return;
  if (std::getenv("CI") != nullptr) FAIL() << "needs root to load kernel programs";
  GTEST_SKIP() << "needs root to load kernel programs";
}

}  // namespace sluice::bpf_test
