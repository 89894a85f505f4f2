#include "userspace/agent/reply_route.h"

#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "userspace/base/errors.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/constants.h"

namespace sluice::agent {
namespace {

// One request: header, fixed body, attributes; far below the buffer's size.
class NetlinkRequest {
 public:
  template <typename Body>
  NetlinkRequest(uint16_t type, uint16_t flags, const Body& body) {
    auto* header = reinterpret_cast<nlmsghdr*>(buffer_.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    header->nlmsg_seq = 1;
    std::memcpy(buffer_.data() + NLMSG_HDRLEN, &body, sizeof(body));
    size_ = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(body));
  }

  void AddU32(uint16_t type, uint32_t value) {
    rtattr attribute{};
    attribute.rta_type = type;
    attribute.rta_len = RTA_LENGTH(sizeof(value));
    std::memcpy(buffer_.data() + size_, &attribute, sizeof(attribute));
    std::memcpy(buffer_.data() + size_ + RTA_LENGTH(0), &value, sizeof(value));
    size_ += RTA_SPACE(sizeof(value));
  }

  // 0 or the errno that the kernel answered.
  int Send() {
    reinterpret_cast<nlmsghdr*>(buffer_.data())->nlmsg_len = static_cast<uint32_t>(size_);
    const base::UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd.is_valid()) return errno;
    if (send(fd.get(), buffer_.data(), size_, 0) < 0) return errno;
    alignas(nlmsghdr) std::array<char, 4096> answer;
    const ssize_t size = recv(fd.get(), answer.data(), answer.size(), 0);
    if (size < 0) return errno;
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (static_cast<size_t>(size) < NLMSG_HDRLEN + sizeof(nlmsgerr) ||
        header->nlmsg_type != NLMSG_ERROR) {
      return EBADMSG;
    }
    nlmsgerr error;
    std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof(error));
    return -error.error;
  }

 private:
  alignas(nlmsghdr) std::array<char, 256> buffer_{};
  size_t size_ = 0;
};

int ChangeRule(ReplyRouteChange change, int family) {
  fib_rule_hdr body{};
  body.family = static_cast<uint8_t>(family);
  body.action = FR_ACT_TO_TBL;
  body.table = RT_TABLE_UNSPEC;  // The number is too large for this field; FRA_TABLE carries it.
  const bool is_add = change == ReplyRouteChange::kAdd;
  NetlinkRequest request(is_add ? RTM_NEWRULE : RTM_DELRULE, is_add ? NLM_F_CREATE | NLM_F_EXCL : 0,
                         body);
  request.AddU32(FRA_TABLE, datapath::kDialTable);
  request.AddU32(FRA_FWMARK, datapath::kDialMark);
  request.AddU32(FRA_FWMASK, 0xffffffffu);
  request.AddU32(FRA_PRIORITY, kDialRulePriority);
  return request.Send();
}

int ChangeRoute(ReplyRouteChange change, int family) {
  rtmsg body{};
  body.rtm_family = static_cast<uint8_t>(family);
  body.rtm_table = RT_TABLE_UNSPEC;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_LOCAL;
  const bool is_add = change == ReplyRouteChange::kAdd;
  NetlinkRequest request(is_add ? RTM_NEWROUTE : RTM_DELROUTE,
                         is_add ? NLM_F_CREATE | NLM_F_EXCL : 0, body);
  request.AddU32(RTA_TABLE, datapath::kDialTable);
  request.AddU32(RTA_OIF, if_nametoindex("lo"));
  return request.Send();
}

bool IsDone(int error) {
  return error == 0 || error == EEXIST || error == ENOENT || error == ESRCH;
}

}  // namespace

absl::Status ChangeReplyRoute(ReplyRouteChange change, int family) {
  const bool is_add = change == ReplyRouteChange::kAdd;
  const std::string_view family_name = family == AF_INET ? "IPv4" : "IPv6";
  // The rule goes first when it is taken away: a rule into an empty table is harmless, but
  // pointless.
  const int rule_error = ChangeRule(change, family);
  const int route_error = ChangeRoute(change, family);
  for (const int error : {rule_error, route_error}) {
    if (IsDone(error)) continue;
    return base::Wrap(base::ErrnoStatus(error, family_name),
                      is_add ? "add the reply rule and route" : "remove the reply rule and route");
  }
  return absl::OkStatus();
}

}  // namespace sluice::agent
