#include "tests/bpf/network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>

#include <cerrno>
#include <cstdlib>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/base/check.h"
#include "userspace/datapath/constants.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace sluice::bpf_test {
namespace {

constexpr char kPrefix[] = "slbpf";

void Run(const std::string& command) {
  if (std::system(command.c_str()) != 0) {
    std::fprintf(stderr, "failed: %s\n", command.c_str());
    std::abort();
  }
}

void RunQuietly(const std::string& command) {
  static_cast<void>(!std::system((command + " 2>/dev/null").c_str()));
}

// "slbpf-<pid>-<name>" of a process that is gone.
bool IsStale(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, absl::MaxSplits('-', 2));
  int pid = 0;
  if (parts.size() != 3 || parts[0] != kPrefix || !absl::SimpleAtoi(parts[1], &pid)) return false;
  return kill(pid, 0) != 0 && errno == ESRCH;
}

void RemoveStale() {
  DIR* folder = opendir("/run/netns");
  if (folder == nullptr) return;
  std::vector<std::string> stale;
  while (const dirent* entry = readdir(folder)) {
    if (IsStale(entry->d_name)) stale.push_back(entry->d_name);
  }
  closedir(folder);
  for (const std::string& name : stale) RunQuietly("ip netns del " + name);
}

void LimitWaits(int fd) {
  const timeval limit{.tv_sec = Patience().count(), .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

Network::Network() : prefix_(absl::StrCat(kPrefix, "-", getpid(), "-")), hub_(prefix_ + "hub") {
  RemoveStale();
  Run("ip netns add " + hub_);
  Run("ip -n " + hub_ + " link set lo up");
  Run("ip -n " + hub_ + " link add br0 type bridge");
  Run("ip -n " + hub_ + " link set br0 up");
}

Network::~Network() {
  DIR* folder = opendir("/run/netns");
  std::vector<std::string> ours;
  while (const dirent* entry = readdir(folder)) {
    if (std::string_view(entry->d_name).starts_with(prefix_)) ours.push_back(entry->d_name);
  }
  closedir(folder);
  for (const std::string& name : ours) RunQuietly("ip netns del " + name);
}

Namespace Network::Add(const std::string& name, int host) {
  Namespace made;
  made.name = prefix_ + name;
  const std::string n = "ip -n " + made.name + " ";
  Run("ip netns add " + made.name);
  Run(n + "link set lo up");
  Run("ip -n " + hub_ + " link add v" + name + " type veth peer name eth0 netns " + made.name);
  Run("ip -n " + hub_ + " link set v" + name + " master br0 up");
  Run(absl::StrCat(n, "addr add 10.97.0.", host, "/24 dev eth0"));
  Run(absl::StrCat(n, "addr add fd97::", absl::Hex(host), "/64 dev eth0 nodad"));
  Run(n + "link set eth0 up");
  Run(n + "route add default via 10.97.0.1");
  Run(n + "route add default via fd97::1");
  made.fd.Reset(open(("/run/netns/" + made.name).c_str(), O_RDONLY | O_CLOEXEC));
  SLUICE_CHECK(made.fd.is_valid());
  made.v4 = *base::IpAddress::Parse(absl::StrCat("10.97.0.", host));
  made.v6 = *base::IpAddress::Parse(absl::StrCat("fd97::", absl::Hex(host)));
  const base::UniqueFd probe = SocketIn(made, AF_INET);
  socklen_t size = sizeof made.cookie;
  SLUICE_CHECK(getsockopt(probe.get(), SOL_SOCKET, SO_NETNS_COOKIE, &made.cookie, &size) == 0);
  return made;
}

void In(const Namespace& where, const std::function<void()>& body) {
  std::thread([&] {
    SLUICE_CHECK(setns(where.fd.get(), CLONE_NEWNET) == 0);
    body();
  }).join();
}

void PrepareDials(const Namespace& where) {
  const std::string n = "ip netns exec " + where.name + " ";
  Run(n +
      "sysctl -qw net.ipv4.tcp_fwmark_accept=1 net.ipv4.conf.all.src_valid_mark=1 "
      "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lo.rp_filter=0 net.ipv4.fwmark_reflect=1 "
      "net.ipv6.fwmark_reflect=1");
  for (const char* family : {"-4", "-6"}) {
    Run(absl::StrCat(n, "ip ", family, " rule add fwmark ", datapath::kDialMark, " lookup ",
                     datapath::kDialTable));
    Run(absl::StrCat(n, "ip ", family, " route add local default dev lo table ",
                     datapath::kDialTable));
  }
}

std::chrono::seconds Patience() {
  const char* text = std::getenv("SLUICE_TEST_TIME_SCALE");
  int scale = 1;
  if (text == nullptr || !absl::SimpleAtoi(text, &scale) || scale < 1) scale = 1;
  return std::chrono::seconds(5 * scale);
}

base::UniqueFd Socket(int family) {
  base::UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SLUICE_CHECK(fd.is_valid());
  LimitWaits(fd.get());
  const int one = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

base::UniqueFd SocketIn(const Namespace& where, int family) {
  base::UniqueFd fd;
  In(where, [&] { fd = Socket(family); });
  return fd;
}

base::UniqueFd Listen(const Namespace& where, const base::SocketAddress& address,
                      bool is_dual_stack) {
  base::UniqueFd fd = SocketIn(where, address.ip.is_v4() ? AF_INET : AF_INET6);
  const int one = 1;
  const int only_v6 = is_dual_stack ? 0 : 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (!address.ip.is_v4())
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
  sockaddr_storage storage;
  const socklen_t size = address.ToSockaddr(storage);
  SLUICE_CHECK(bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
  SLUICE_CHECK(listen(fd.get(), 1024) == 0);
  return fd;
}

int Connect(int fd, const base::SocketAddress& to) {
  sockaddr_storage storage;
  const socklen_t size = to.ToSockaddr(storage);
  return connect(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0 ? 0 : errno;
}

int ConnectMapped(int fd, const base::SocketAddress& to) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = to.ip.v6();
  address.sin6_port = htons(to.port);
  return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

base::UniqueFd Accept(int listener, base::SocketAddress* peer) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  base::UniqueFd fd(accept4(listener, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_CLOEXEC));
  if (fd.is_valid() && peer != nullptr) *peer = *base::SocketAddress::FromSockaddr(storage);
  LimitWaits(fd.get());
  return fd;
}

base::SocketAddress Peer(int fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  SLUICE_CHECK(getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0);
  return *base::SocketAddress::FromSockaddr(storage);
}

base::SocketAddress Local(int fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  SLUICE_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0);
  return *base::SocketAddress::FromSockaddr(storage);
}

base::SocketAddress At(const std::string& text) { return *base::SocketAddress::Parse(text); }

}  // namespace sluice::bpf_test
