// One end of the SEQPACKET socket between agent and proxy: whole messages with descriptors, both
// ways. The other end is not trusted: packets that are too large, cannot be parsed or carry
// descriptors are counted and dropped. Nothing is read while more than kQueuedPacketsMax answers
// wait, so a proxy that only asks is held back. Borrows: the loop, which outlives it. Thread: the
// loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "api/node.pb.h"
#include "userspace/agent/event_loop.h"
#include "userspace/agent/pod_namespace.h"
#include "userspace/base/unique_fd.h"

namespace sluice::agent {

// One packet as it is on the socket: none, a message, or something to be dropped.
enum class PacketRead : uint8_t { kNothing, kMessage, kMalformed, kClosed };
PacketRead ReadPacket(int fd, node::v1::ToAgent& message);

class ProxyChannel {
 public:
  static constexpr size_t kQueuedPacketsMax = 256;

  struct Callbacks {
    std::function<void(const node::v1::ToAgent&)> on_message;
    std::function<void()> on_malformed;
    std::function<void()> on_closed;  // Once; the channel stays until its owner drops it.
  };

  ProxyChannel(EventLoop& loop, base::UniqueFd socket, Callbacks callbacks);
  ~ProxyChannel();

  // Errors of the socket are not told here: a proxy that is gone is told by its process.
  void Send(const node::v1::ToProxy& message, std::vector<SharedFd> fds);
  size_t queued_count() const { return queue_.size(); }

 private:
  struct Packet {
    std::string bytes;
    std::vector<SharedFd> fds;
  };
  void OnEvents(uint32_t epoll_events);
  void Flush();
  void WatchAgain();

  EventLoop& loop_;
  base::UniqueFd socket_;
  Callbacks callbacks_;
  std::deque<Packet> queue_;
  uint32_t watched_events_ = 0;
  bool is_closed_ = false;
};

}  // namespace sluice::agent
