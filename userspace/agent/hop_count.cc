#include "userspace/agent/hop_count.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "userspace/base/errors.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/constants.h"

namespace sluice::agent {
namespace {

constexpr uint32_t kLivingStates =
    (1u << TCP_ESTABLISHED) | (1u << TCP_SYN_SENT) | (1u << TCP_SYN_RECV) | (1u << TCP_FIN_WAIT1) |
    (1u << TCP_FIN_WAIT2) | (1u << TCP_CLOSE_WAIT) | (1u << TCP_LAST_ACK) | (1u << TCP_CLOSING);

struct DumpRequest {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

bool HasDialMark(const nlmsghdr* message) {
  const auto* diag = static_cast<const inet_diag_msg*>(NLMSG_DATA(message));
  int rest = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(sizeof(*diag)));
  for (const auto* attribute = reinterpret_cast<const rtattr*>(diag + 1); RTA_OK(attribute, rest);
       attribute = RTA_NEXT(attribute, rest)) {
    if (attribute->rta_type != INET_DIAG_MARK) continue;
    uint32_t mark = 0;
    std::memcpy(&mark, RTA_DATA(attribute), sizeof(mark));
    return mark == datapath::kDialMark;
  }
  return false;
}

// One packet of the answer; false when it was the last.
absl::StatusOr<bool> TakePacket(const char* bytes, size_t size, size_t& count) {
  auto rest = static_cast<uint32_t>(size);
  for (const auto* message = reinterpret_cast<const nlmsghdr*>(bytes); NLMSG_OK(message, rest);
       message = NLMSG_NEXT(message, rest)) {
    if (message->nlmsg_type == NLMSG_DONE) return false;
    if (message->nlmsg_type == NLMSG_ERROR) {
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
      return base::ErrnoStatus(-error->error, "list the sockets of a namespace");
    }
    if (HasDialMark(message)) ++count;
  }
  return true;
}

absl::StatusOr<size_t> CountFamily(uint8_t family) {
  const base::UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.is_valid()) return base::ErrnoStatus(errno, "open a socket for sock_diag");
  DumpRequest request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = family;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = kLivingStates;
  if (send(fd.get(), &request, sizeof(request), 0) < 0)
    return base::ErrnoStatus(errno, "ask for the sockets of a namespace");
  size_t count = 0;
  alignas(nlmsghdr) std::array<char, 32768> answer;
  while (true) {
    const ssize_t size = recv(fd.get(), answer.data(), answer.size(), 0);
    if (size <= 0) return base::ErrnoStatus(errno, "read the sockets of a namespace");
    const absl::StatusOr<bool> has_more =
        TakePacket(answer.data(), static_cast<size_t>(size), count);
    if (!has_more.ok()) return has_more.status();
    if (!*has_more) return count;
  }
}

}  // namespace

absl::StatusOr<size_t> CountHops() {
  return AddFamilies(CountFamily(AF_INET), CountFamily(AF_INET6));
}

absl::StatusOr<size_t> AddFamilies(const absl::StatusOr<size_t>& v4,
                                   const absl::StatusOr<size_t>& v6) {
  if (!v4.ok()) return v4.status();
  if (absl::IsNotFound(v6.status())) return *v4;
  if (!v6.ok()) return v6.status();
  return *v4 + *v6;
}

}  // namespace sluice::agent
