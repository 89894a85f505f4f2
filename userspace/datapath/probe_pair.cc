#include "userspace/datapath/probe_pair.h"

#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/mesh_ports.h"
#include "userspace/datapath/constants.h"
#include "userspace/datapath/layout.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace sluice::datapath {
namespace {

constexpr uint32_t kPodId = UINT32_MAX;
constexpr uint16_t kPort = 9;
constexpr timeval kLimit = {.tv_sec = 0, .tv_usec = 500'000};

// Addresses for documentation (RFC 5737): nothing real is dialled or hidden.
const base::IpAddress& ServiceAddress() {
  static const base::IpAddress kAddress = *base::IpAddress::Parse("192.0.2.1");
  return kAddress;
}

sockaddr_in Name(in_addr address, uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr = address;
  name.sin_port = htons(port);
  return name;
}

absl::StatusOr<base::UniqueFd> MakeSocket() {
  base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  if (!fd.is_valid() ||
      setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kLimit, sizeof kLimit) != 0 ||
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kLimit, sizeof kLimit) != 0 ||
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
    return base::ErrnoStatus(errno, "making a socket");
  }
  return fd;
}

absl::Status RaiseLoopback(int fd) {
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) return base::ErrnoStatus(errno, "raising lo");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProbeNamespace>> ProbeNamespace::Create(Programs& programs) {
  if (unshare(CLONE_NEWNET) != 0) return base::ErrnoStatus(errno, "making a network namespace");
  std::unique_ptr<ProbeNamespace> made(new ProbeNamespace(programs));
  SLUICE_RETURN_IF_ERROR(made->Listen());
  return made;
}

absl::Status ProbeNamespace::Listen() {
  auto listener = MakeSocket();
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  SLUICE_RETURN_IF_ERROR(RaiseLoopback(listener_.get()));
  const sockaddr_in name = Name(in_addr{htonl(INADDR_LOOPBACK)}, base::kOutboundPort);
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
      listen(listener_.get(), 16) != 0) {
    return base::ErrnoStatus(errno, "listening");
  }
  socklen_t size = sizeof cookie_;
  if (getsockopt(listener_.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie_, &size) != 0) {
    return base::ErrnoStatus(errno, "asking for the namespace's cookie");
  }
  const sluice_destination_key destination = DestinationKey(ServiceAddress(), kPort);
  const uint32_t path = SLUICE_PATH_PROXY;
  return programs_.Write(MapName::kDestinations, &destination, &path);
}

absl::Status ProbeNamespace::Enrol(Acceleration level) {
  const sluice_pod pod{.address_v4 = {}, .address_v6 = {}, .id = kPodId, .level = ToAbi(level)};
  return programs_.Write(MapName::kPods, &cookie_, &pod);
}

ProbeNamespace::~ProbeNamespace() {
  const sluice_destination_key destination = DestinationKey(ServiceAddress(), kPort);
  programs_.Delete(MapName::kPods, &cookie_).IgnoreError();  // The namespace dies anyway.
  programs_.Delete(MapName::kDestinations, &destination).IgnoreError();
}

absl::StatusOr<ProbeNamespace::Pair> ProbeNamespace::Connect(Acceleration level) {
  SLUICE_RETURN_IF_ERROR(Enrol(level));
  auto application = MakeSocket();
  if (!application.ok()) return application.status();
  const sockaddr_in service = Name(ServiceAddress().v4(), kPort);
  if (connect(application->get(), reinterpret_cast<const sockaddr*>(&service), sizeof service) !=
      0) {
    return base::ErrnoStatus(errno, "connecting through the capture");
  }
  Pair pair{.application = *std::move(application), .proxy = {}};
  pair.proxy.Reset(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!pair.proxy.is_valid()) return base::ErrnoStatus(errno, "accepting the captured connection");
  setsockopt(pair.proxy.get(), SOL_SOCKET, SO_RCVTIMEO, &kLimit, sizeof kLimit);
  setsockopt(pair.proxy.get(), SOL_SOCKET, SO_SNDTIMEO, &kLimit, sizeof kLimit);
  return pair;
}

bool SendExactly(int fd, const void* data, size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = send(fd, next, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    next += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool ReceiveExactly(int fd, void* data, size_t size) {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t received = recv(fd, next, size, 0);
    if (received <= 0) return false;
    next += received;
    size -= static_cast<size_t>(received);
  }
  return true;
}

size_t UnreadBytes(int fd) {
  uint32_t values[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof values;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &size) != 0) return 0;
  return values[SK_MEMINFO_RMEM_ALLOC];
}

int WaitingBytes(int fd) {
  int bytes = 0;
  return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : -1;
}

}  // namespace sluice::datapath
