// The node's end of the delta discovery stream (api/discovery.proto) over a Unix socket. Connects,
// subscribes, acknowledges; when the stream breaks it comes back with what is still held, and
// nothing else changes meanwhile. Owns: the socket. Borrows: loop and resources, which outlive it.
// Bounds: frames of discovery_frame.h; back-off from kReconnectDelayMin to kReconnectDelayMax.
// Thread: the loop's.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "userspace/agent/discovery_frame.h"
#include "userspace/agent/event_loop.h"
#include "userspace/agent/resources.h"
#include "userspace/base/unique_fd.h"

namespace sluice::agent {

struct DiscoveryCounters {
  uint64_t responses = 0;
  uint64_t resources = 0;   // Put or removed by them.
  uint64_t rejections = 0;  // Responses answered with a NACK.
  uint64_t connects = 0;
};

class DiscoveryClient {
 public:
  static constexpr absl::Duration kReconnectDelayMin = absl::Milliseconds(50);
  static constexpr absl::Duration kReconnectDelayMax = absl::Seconds(2);

  struct Options {
    std::string socket_path;
    std::string node_id;
  };

  // `on_change` runs after a response that changed something, and after the last of the first
  // responses.
  DiscoveryClient(EventLoop& loop, Options options, Resources& resources,
                  std::function<void()> on_change);
  ~DiscoveryClient();

  void Start();

  bool is_connected() const { return socket_.is_valid(); }
  // Every subscribed type has been answered at least once since the agent started.
  bool is_complete() const { return answered_types_.size() == SubscribedTypes().size(); }
  const std::string& reason() const { return reason_; }  // Why it is not connected; empty if it is.
  const DiscoveryCounters& counters() const { return counters_; }

 private:
  void Connect();
  void Close(const std::string& reason);
  void Subscribe();
  void OnEvents(uint32_t epoll_events);
  bool ReadSome();  // False: the stream is over.
  void HandleResponse(const discovery::v1::DeltaDiscoveryResponse& response);
  void Send(const discovery::v1::DeltaDiscoveryRequest& request);
  void Flush();

  EventLoop& loop_;
  const Options options_;
  Resources& resources_;
  const std::function<void()> on_change_;
  base::UniqueFd socket_;
  FrameDecoder decoder_;
  std::string to_send_;
  absl::Duration delay_ = kReconnectDelayMin;
  EventLoop::TimerId timer_ = 0;
  std::set<std::string> answered_types_;
  std::string reason_ = "not tried yet";
  DiscoveryCounters counters_;
};

}  // namespace sluice::agent
