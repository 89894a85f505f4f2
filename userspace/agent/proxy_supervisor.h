// Keeps one proxy running: starts it, gives it its Configure message, starts it again when it ends,
// with a growing delay. Its listeners are the agent's, so connections wait in their backlogs
// meanwhile. Borrows: the loop, which outlives it. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "userspace/agent/event_loop.h"
#include "userspace/agent/proxy_channel.h"
#include "userspace/agent/proxy_port.h"
#include "userspace/agent/proxy_process.h"

namespace sluice::agent {

enum class ProxyState : uint8_t { kStopped, kStarting, kReady, kWaiting, kDraining };
const char* ProxyStateName(ProxyState state);

// Delay before the next start after `failures` ends in a row (from 1): 100 ms doubling to 5 s.
// Pure.
absl::Duration RestartDelay(uint32_t failures);

class ProxySupervisor : public ProxyPort {
 public:
  struct Callbacks {
    std::function<void()> on_ready;
    std::function<void()> on_gone;                             // Ready or not, it ended.
    std::function<void(const node::v1::ToAgent&)> on_message;  // All but Ready.
  };
  struct Setup {
    ProxyLaunch launch;
    node::v1::Configure configure;
    std::vector<SharedFd> configure_fds;
  };

  // How long a proxy must have run for its end to count as the first failure again.
  static constexpr absl::Duration kSteadyAfter = absl::Seconds(10);

  ProxySupervisor(EventLoop& loop, Setup setup, Callbacks callbacks);
  ~ProxySupervisor() override;

  void Start();
  // Asks the proxy to finish, ends it at the deadline, then runs `on_end` (at once if none runs).
  void Drain(absl::Duration deadline, std::function<void()> on_end);
  void Send(const node::v1::ToProxy& message, std::vector<SharedFd> fds) override;

  ProxyState state() const { return state_; }
  pid_t pid() const { return process_ == nullptr ? 0 : process_->pid; }
  uint64_t restart_count() const { return restart_count_; }
  uint64_t malformed_count() const { return malformed_count_; }
  const std::string& last_end() const {
    return last_end_;
  }  // How the last one ended; may be empty.

 private:
  void Launch();
  void OnMessage(const node::v1::ToAgent& message);
  void OnEnd();
  void Kill();

  EventLoop& loop_;
  Setup setup_;
  Callbacks callbacks_;
  ProxyState state_ = ProxyState::kStopped;
  std::unique_ptr<ProxyProcess> process_;
  std::unique_ptr<ProxyChannel> channel_;
  absl::Time started_at_;
  uint32_t failures_ = 0;
  uint64_t restart_count_ = 0;
  uint64_t malformed_count_ = 0;
  std::string last_end_;
  EventLoop::TimerId timer_ = 0;
  std::function<void()> on_drained_;
};

}  // namespace sluice::agent
