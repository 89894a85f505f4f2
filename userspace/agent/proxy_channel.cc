#include "userspace/agent/proxy_channel.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "userspace/agent/desired_state.h"
#include "userspace/agent/pod_messages.h"
#include "userspace/base/check.h"

namespace sluice::agent {
namespace {

constexpr int kPacketsPerTurnMax = 64;

// Descriptors that a peer sends unasked are open in our table from here on: close them at once.
bool CloseReceived(msghdr& head) {
  bool has_any = false;
  for (cmsghdr* control = CMSG_FIRSTHDR(&head); control != nullptr;
       control = CMSG_NXTHDR(&head, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    has_any = true;
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
      close(fd);
    }
  }
  return has_any;
}

ssize_t SendPacket(int socket, const std::string& bytes, const std::vector<SharedFd>& fds) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kFdsPerPacketMax * sizeof(int))> control;
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  if (!fds.empty()) {
    head.msg_control = control.data();
    head.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    for (size_t i = 0; i < fds.size(); ++i) {
      const int fd = fds[i]->get();
      std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof(int));
    }
  }
  return sendmsg(socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

PacketRead ReadPacket(int fd, node::v1::ToAgent& message) {
  std::array<char, kPacketSizeMax> buffer;
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kFdsPerPacketMax * sizeof(int))> control;
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  head.msg_control = control.data();
  head.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0)
    return errno == EAGAIN || errno == EINTR ? PacketRead::kNothing : PacketRead::kClosed;
  const bool has_descriptors = CloseReceived(head);
  if (size == 0) return PacketRead::kClosed;
  if (has_descriptors || (head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return PacketRead::kMalformed;
  if (!message.ParseFromArray(buffer.data(), static_cast<int>(size))) return PacketRead::kMalformed;
  if (message.kind_case() == node::v1::ToAgent::KIND_NOT_SET) return PacketRead::kMalformed;
  return PacketRead::kMessage;
}

ProxyChannel::ProxyChannel(EventLoop& loop, base::UniqueFd socket, Callbacks callbacks)
    : loop_(loop), socket_(std::move(socket)), callbacks_(std::move(callbacks)) {
  WatchAgain();
}

ProxyChannel::~ProxyChannel() {
  if (!is_closed_) loop_.Unwatch(socket_.get());
}

void ProxyChannel::Send(const node::v1::ToProxy& message, std::vector<SharedFd> fds) {
  if (is_closed_) return;
  SLUICE_CHECK(fds.size() <= kFdsPerPacketMax);
  Packet packet{message.SerializeAsString(), std::move(fds)};
  SLUICE_CHECK(packet.bytes.size() <= kPacketSizeMax);
  queue_.push_back(std::move(packet));
  Flush();
}

void ProxyChannel::Flush() {
  while (!queue_.empty()) {
    const ssize_t size = SendPacket(socket_.get(), queue_.front().bytes, queue_.front().fds);
    if (size < 0 && errno == EINTR) continue;
    // ETOOMANYREFS: too many descriptors under way; the proxy takes them when it reads on.
    if (size < 0 && (errno == EAGAIN || errno == ETOOMANYREFS)) break;
    queue_.pop_front();
  }
  WatchAgain();
}

void ProxyChannel::WatchAgain() {
  if (is_closed_) return;
  uint32_t events = queue_.size() < kQueuedPacketsMax ? static_cast<uint32_t>(EPOLLIN) : 0u;
  if (!queue_.empty()) events |= EPOLLOUT;
  if (events == watched_events_) return;
  watched_events_ = events;
  loop_.Watch(socket_.get(), events, [this](uint32_t ready) { OnEvents(ready); });
}

void ProxyChannel::OnEvents(uint32_t epoll_events) {
  if ((epoll_events & EPOLLOUT) != 0) Flush();
  if ((epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  for (int i = 0; i < kPacketsPerTurnMax && queue_.size() < kQueuedPacketsMax; ++i) {
    node::v1::ToAgent message;
    switch (ReadPacket(socket_.get(), message)) {
      case PacketRead::kNothing:
        return;
      case PacketRead::kMessage:
        callbacks_.on_message(message);
        break;
      case PacketRead::kMalformed:
        callbacks_.on_malformed();
        break;
      case PacketRead::kClosed:
        loop_.Unwatch(socket_.get());
        is_closed_ = true;
        queue_.clear();
        callbacks_.on_closed();
        return;
    }
  }
}

}  // namespace sluice::agent
