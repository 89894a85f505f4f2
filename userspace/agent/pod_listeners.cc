#include "userspace/agent/pod_listeners.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/base/address.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/mesh_ports.h"
#include "userspace/datapath/constants.h"

namespace sluice::agent {
namespace {

absl::Status OpenOne(const base::SocketAddress& address, int family, SharedFd& out) {
  const std::string doing =
      absl::StrCat("listen on ", address.ToString(), " in the pod's namespace");
  base::UniqueFd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd.is_valid()) return base::ErrnoStatus(errno, doing);
  const int one = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
      setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) !=
          0 ||  // Accepted sockets inherit it, as they do what follows.
      setsockopt(fd.get(), SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one)) != 0 ||
      setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &datapath::kProxyReceiveBuffer,
                 sizeof(datapath::kProxyReceiveBuffer)) != 0 ||
      (family == AF_INET6 &&
       setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)) {
    return base::ErrnoStatus(errno, doing);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  v6.sin6_addr = address.ip.v6();
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  if (family == AF_INET) v4.sin_addr = address.ip.v4();
  const bool is_v4 = family == AF_INET;
  const auto* name =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  if (bind(fd.get(), name, is_v4 ? sizeof(v4) : sizeof(v6)) != 0 ||
      listen(fd.get(), kListenBacklog) != 0) {
    return base::ErrnoStatus(errno, doing);
  }
  out = std::make_shared<const base::UniqueFd>(std::move(fd));
  return absl::OkStatus();
}

absl::Status OpenGroup(const char* text, uint16_t port, uint32_t worker_count,
                       std::vector<SharedFd>& group) {
  const auto ip = base::IpAddress::Parse(text);
  SLUICE_CHECK(ip.has_value());
  const base::SocketAddress address{.ip = *ip, .port = port};
  for (uint32_t i = 0; i < worker_count; ++i) {
    SharedFd fd;
    SLUICE_RETURN_IF_ERROR(OpenOne(address, ip->is_v4() ? AF_INET : AF_INET6, fd));
    group.push_back(std::move(fd));
  }
  return absl::OkStatus();
}

// Neither a kernel without IPv6 nor a namespace where it is switched off can bind [::1].
bool HasIpv6() {
  const base::UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd.is_valid()) return false;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

absl::Status OpenAll(uint32_t worker_count, PodListeners& listeners) {
  using base::kInboundPort;
  using base::kOutboundPort;
  SLUICE_RETURN_IF_ERROR(
      OpenGroup("127.0.0.1", kOutboundPort, worker_count, listeners.outbound_v4));
  SLUICE_RETURN_IF_ERROR(OpenGroup("0.0.0.0", kInboundPort, worker_count, listeners.inbound_v4));
  if (!HasIpv6()) return absl::OkStatus();
  SLUICE_RETURN_IF_ERROR(OpenGroup("::1", kOutboundPort, worker_count, listeners.outbound_v6));
  return OpenGroup("::", kInboundPort, worker_count, listeners.inbound_v6);
}

}  // namespace

absl::Status OpenPodListeners(uint32_t worker_count, PodListeners& listeners) {
  listeners = PodListeners();
  absl::Status status = OpenAll(worker_count, listeners);
  if (!status.ok()) listeners = PodListeners();
  return status;
}

}  // namespace sluice::agent
