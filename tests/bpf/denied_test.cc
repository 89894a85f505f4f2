// The errors that refuse a connection of an enrolled pod, or keep a pair on TCP, each provoked.
// Not provoked: `receive_not_bounded`, since the kernel refuses SO_RCVBUF to no TCP socket, and
// `original_destination_lost`: a table that forgets its oldest entry (LRU) takes every new one.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/bpf/mesh.h"
#include "userspace/datapath/layout.h"

namespace sluice::bpf_test {
namespace {

using DeniedTest = MeshTest;

base::SocketAddress Vip(int family) {
  return {*base::IpAddress::Parse(family == AF_INET ? kVip4 : kVip6), 80};
}

base::UniqueFd OpenMap(const Mesh& mesh, const std::string& name) {
  base::UniqueFd map(bpf_obj_get(absl::StrCat(mesh.pin_dir(), "/", name).c_str()));
  EXPECT_TRUE(map.is_valid()) << name;
  return map;
}

// A kernel table without room, until the end of the scope.
class FullMap {
 public:
  FullMap(const Mesh& mesh, const std::string& name) : map_(OpenMap(mesh, name)) {
    bpf_map_info info{};
    uint32_t size = sizeof info;
    EXPECT_EQ(bpf_obj_get_info_by_fd(map_.get(), &info, &size), 0);
    key_.resize(info.key_size);
    value_.resize(info.value_size);
    while (bpf_map_update_elem(map_.get(), Key(count_), value_.data(), BPF_NOEXIST) == 0) ++count_;
    EXPECT_EQ(errno, E2BIG);
  }
  ~FullMap() {
    for (uint32_t i = 0; i < count_; ++i) bpf_map_delete_elem(map_.get(), Key(i));
  }
  FullMap(const FullMap&) = delete;
  FullMap& operator=(const FullMap&) = delete;

 private:
  // Of no socket: its namespace, or its address, is one that nobody has.
  const void* Key(uint32_t index) {
    std::memset(key_.data(), 0xee, key_.size());
    std::memcpy(key_.data(), &index, sizeof index);
    return key_.data();
  }

  base::UniqueFd map_;
  std::vector<uint8_t> key_;
  std::vector<uint8_t> value_;
  uint32_t count_ = 0;
};

bool HasConnection(int listener) {
  const int flags = fcntl(listener, F_GETFL);
  fcntl(listener, F_SETFL, flags | O_NONBLOCK);
  const base::UniqueFd accepted(accept(listener, nullptr, nullptr));
  fcntl(listener, F_SETFL, flags);
  return accepted.is_valid();
}

class DeniedFamilyTest : public MeshTest, public ::testing::WithParamInterface<int> {
 protected:
  int outbound() const {
    return GetParam() == AF_INET ? mesh_->outbound4.get() : mesh_->outbound6.get();
  }
  int inbound() const {
    return GetParam() == AF_INET ? mesh_->inbound4.get() : mesh_->inbound6.get();
  }
  base::SocketAddress ServerAddress() const {
    return {GetParam() == AF_INET ? mesh_->server.v4 : mesh_->server.v6, kAppPort};
  }
};

// The pod's own limit of socket options memory leaves no room for what was dialled.
TEST_P(DeniedFamilyTest, RefusesAConnectionWhoseDestinationCannotBeRemembered) {
  const base::UniqueFd c = SocketIn(mesh_->client, GetParam());
  const uint64_t before = mesh_->Counter("connect_denied_storage");
  int error = 0;
  bool has_limit = false;

  In(mesh_->client, [&] {
    const std::string path = "/proc/sys/net/core/optmem_max";
    std::string usual;
    std::ifstream(path) >> usual;
    has_limit = !usual.empty();
    if (!has_limit) return;
    std::ofstream(path) << 0;
    error = Connect(c.get(), Vip(GetParam()));
    std::ofstream(path) << usual;
  });

  if (!has_limit) GTEST_SKIP() << "this kernel has one limit for all namespaces";
  EXPECT_EQ(error, ECONNREFUSED);
  EXPECT_EQ(mesh_->Counter("connect_denied_storage"), before + 1);
  EXPECT_FALSE(HasConnection(outbound()));
}

// The kernel lets anybody bind a socket to an interface, but only CAP_NET_RAW undo that.
TEST_P(DeniedFamilyTest, RefusesAConnectionThatCannotBeUnboundFromItsInterface) {
  const base::UniqueFd c = SocketIn(mesh_->client, GetParam());
  ASSERT_EQ(setsockopt(c.get(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), 0);
  const uint64_t before = mesh_->Counter("connect_denied_device");
  int error = 0;

  In(mesh_->client, [&] {  // A thread of its own, so its capabilities too.
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2]{};
    ASSERT_EQ(syscall(SYS_capset, &header, none), 0);
    error = Connect(c.get(), Vip(GetParam()));
  });

  EXPECT_EQ(error, ECONNREFUSED);
  EXPECT_EQ(mesh_->Counter("connect_denied_device"), before + 1);
  EXPECT_FALSE(HasConnection(outbound()));
}

// A listener of the other family, which the kernel does not give the connection to.
TEST_P(DeniedFamilyTest, RefusesAnInboundConnectionThatTheListenerCannotTake) {
  const base::UniqueFd listeners = OpenMap(*mesh_, "sluice_listeners");
  const base::UniqueFd app = Listen(mesh_->server, ServerAddress());
  const base::UniqueFd c = SocketIn(mesh_->outside, GetParam());
  const sluice_address key = datapath::ToAbi(ServerAddress().ip);
  const uint64_t usual = static_cast<uint64_t>(inbound());
  const uint64_t other =
      static_cast<uint64_t>(GetParam() == AF_INET ? mesh_->inbound6.get() : mesh_->inbound4.get());
  const uint64_t before = mesh_->Counter("inbound_denied_assign");
  ASSERT_EQ(bpf_map_update_elem(listeners.get(), &key, &other, BPF_ANY), 0);

  const int error = Connect(c.get(), ServerAddress());

  ASSERT_EQ(bpf_map_update_elem(listeners.get(), &key, &usual, BPF_ANY), 0);
  EXPECT_EQ(error, ECONNREFUSED);
  EXPECT_EQ(mesh_->Counter("inbound_denied_assign"), before + 1);
  EXPECT_FALSE(HasConnection(app.get()));
  EXPECT_FALSE(HasConnection(mesh_->inbound4.get()) || HasConnection(mesh_->inbound6.get()));
}

// Without its record the dial must not come back to the proxy, which would dial again, for ever.
TEST_P(DeniedFamilyTest, RefusesADialOfTheProxyThatCannotBeRecorded) {
  const base::UniqueFd app = Listen(mesh_->server, ServerAddress());
  const uint64_t before = mesh_->Counter("dial_not_recorded");
  const FullMap dials(*mesh_, "sluice_dials");

  const base::UniqueFd p2 = mesh_->DialLocalPod(
      {GetParam() == AF_INET ? mesh_->client.v4 : mesh_->client.v6, 0}, ServerAddress());
  const int error = errno;

  EXPECT_FALSE(p2.is_valid());
  EXPECT_EQ(error, ECONNREFUSED);
  EXPECT_EQ(mesh_->Counter("dial_not_recorded"), before + 1);
  EXPECT_FALSE(HasConnection(app.get()));
  EXPECT_FALSE(HasConnection(inbound()));
}

// Not a refusal: the connection lives on plain TCP.
TEST_P(DeniedFamilyTest, LeavesConnectionsThatCannotBePairedOnTcp) {
  constexpr auto kFull = datapath::Acceleration::kFull;
  if (mesh_->datapath->ChooseLevel(kFull).level == datapath::Acceleration::kOff) {
    GTEST_SKIP() << "needs acceleration";
  }
  const base::UniqueFd app = Listen(mesh_->server, ServerAddress());
  const uint64_t not_recorded = mesh_->Counter("pair_not_recorded");
  const uint64_t joined = mesh_->Counter("pair_joined");
  const FullMap pairs(*mesh_, "sluice_pairs");

  const Hop hop = mesh_->MakeHop(app.get(), Vip(GetParam()), ServerAddress());

  char text[8];
  EXPECT_EQ(send(hop.c.get(), "ask", 3, 0), 3);
  EXPECT_EQ(recv(hop.p1.get(), text, sizeof text, 0), 3);
  EXPECT_EQ(send(hop.s.get(), "answer", 6, 0), 6);
  EXPECT_EQ(recv(hop.p2.get(), text, sizeof text, 0), 6);
  EXPECT_EQ(mesh_->Counter("pair_not_recorded"), not_recorded + 2);
  EXPECT_EQ(mesh_->Counter("pair_joined"), joined);
}

INSTANTIATE_TEST_SUITE_P(Families, DeniedFamilyTest, ::testing::Values(AF_INET, AF_INET6),
                         [](const auto& family) { return family.param == AF_INET ? "V4" : "V6"; });

TEST_F(DeniedTest, CountsMultipathTcpThatItRefuses) {
  const uint64_t before = mesh_->Counter("socket_denied_mptcp");

  In(mesh_->client, [] {
    for (const int family : {AF_INET, AF_INET6}) {
      EXPECT_EQ(socket(family, SOCK_STREAM, 262), -1);
      EXPECT_EQ(errno, EPROTONOSUPPORT);
    }
  });

  EXPECT_EQ(mesh_->Counter("socket_denied_mptcp"), before + 2);
}

}  // namespace
}  // namespace sluice::bpf_test
