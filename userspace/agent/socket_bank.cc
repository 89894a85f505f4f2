#include "userspace/agent/socket_bank.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/datapath/constants.h"

namespace sluice::agent {
namespace {

struct Option {
  int level;
  int name;
  int value;
  const char* text;
};

absl::Status SetOption(int fd, const Option& option) {
  if (setsockopt(fd, option.level, option.name, &option.value, sizeof(option.value)) == 0)
    return absl::OkStatus();
  return base::ErrnoStatus(errno, option.text);
}

// The proxy binds an address that is not the pod's (the client's): transparent allows it, the mark
// leads the replies back, and lo keeps the packets from ever leaving the pod, whatever its routes
// say.
absl::Status MakeTransparent(int fd, bool is_v4) {
  const std::array<Option, 5> options = {{
      is_v4 ? Option{SOL_IP, IP_TRANSPARENT, 1, "IP_TRANSPARENT"}
            : Option{SOL_IPV6, IPV6_TRANSPARENT, 1, "IPV6_TRANSPARENT"},
      is_v4 ? Option{SOL_IP, IP_FREEBIND, 1, "IP_FREEBIND"}
            : Option{SOL_IPV6, IPV6_FREEBIND, 1, "IPV6_FREEBIND"},
      {SOL_SOCKET, SO_MARK, static_cast<int>(datapath::kDialMark), "SO_MARK"},
      {SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"},
      // The port is chosen at connect(), when the four-tuple is known, not at bind().
      {SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1, "IP_BIND_ADDRESS_NO_PORT"},
  }};
  for (const Option& option : options) SLUICE_RETURN_IF_ERROR(SetOption(fd, option));
  constexpr char kDevice[] = "lo";
  if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, kDevice, sizeof(kDevice)) != 0) {
    return base::ErrnoStatus(errno, "SO_BINDTODEVICE lo");
  }
  return absl::OkStatus();
}

const char* CheckWanted(const node::v1::SocketsWanted& wanted) {
  if (wanted.count() == 0 || wanted.count() > kSocketsPerAnswerMax) return "count must be 1 to 200";
  if (wanted.kind() != node::v1::TO_LOCAL_POD && wanted.kind() != node::v1::FROM_POD)
    return "unknown kind";
  if (wanted.family() != node::v1::IPV4 && wanted.family() != node::v1::IPV6)
    return "unknown family";
  return nullptr;
}

}  // namespace

uint32_t RateCap::Take(uint32_t wanted, absl::Time now) {
  if (last_ != absl::InfinitePast() && now > last_) {
    left_ = std::min(per_s_, left_ + absl::ToDoubleSeconds(now - last_) * per_s_);
  }
  last_ = now;
  const auto taken = static_cast<uint32_t>(std::min<double>(wanted, left_));
  left_ -= taken;
  return taken;
}

node::v1::ToProxy SocketBank::Answer(const node::v1::SocketsWanted& wanted,
                                     const PreparedNamespace* prepared, absl::Time now,
                                     std::vector<SharedFd>& fds) {
  node::v1::ToProxy message;
  node::v1::DialSockets& answer = *message.mutable_dial_sockets();
  answer.set_pod_id(wanted.pod_id());
  answer.set_kind(wanted.kind());
  answer.set_family(wanted.family());
  const char* refusal = prepared == nullptr ? "unknown pod" : CheckWanted(wanted);
  if (refusal != nullptr) {
    ++counters_.refused_requests;
    answer.set_error(refusal);
    return message;
  }
  const uint32_t count = cap_.Take(wanted.count(), now);
  if (count == 0) {
    ++counters_.capped_requests;
    answer.set_error("more sockets per second than the agent makes");
    return message;
  }
  const absl::Status status = Make(wanted, count, prepared->fd->get(), fds);
  if (!status.ok()) {
    ++counters_.failed_requests;
    fds.clear();
    answer.set_error(std::string(status.message()));
    return message;
  }
  counters_.handed += count;
  answer.set_count(count);
  return message;
}

absl::Status SocketBank::Make(const node::v1::SocketsWanted& wanted, uint32_t count,
                              int namespace_fd, std::vector<SharedFd>& fds) {
  const bool is_v4 = wanted.family() == node::v1::IPV4;
  return network_.RunInside(namespace_fd, [&]() -> absl::Status {
    for (uint32_t i = 0; i < count; ++i) {
      base::UniqueFd fd(socket(is_v4 ? AF_INET : AF_INET6,
                               SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
      if (!fd.is_valid()) return base::ErrnoStatus(errno, "dial socket");
      SLUICE_RETURN_IF_ERROR(SetOption(fd.get(), {IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"}));
      // An urgent byte is relayed in its place: otherwise it would be taken out and lost.
      SLUICE_RETURN_IF_ERROR(SetOption(fd.get(), {SOL_SOCKET, SO_OOBINLINE, 1, "SO_OOBINLINE"}));
      SLUICE_RETURN_IF_ERROR(SetOption(
          fd.get(), {SOL_SOCKET, SO_RCVBUFFORCE, datapath::kProxyReceiveBuffer, "SO_RCVBUFFORCE"}));
      if (wanted.kind() == node::v1::TO_LOCAL_POD)
        SLUICE_RETURN_IF_ERROR(MakeTransparent(fd.get(), is_v4));
      SLUICE_RETURN_IF_ERROR(kernel_.MarkDialSocket(fd.get()));
      fds.push_back(std::make_shared<const base::UniqueFd>(std::move(fd)));
    }
    return absl::OkStatus();
  });
}

}  // namespace sluice::agent
