#include "userspace/agent/proxy_supervisor.h"

#include <sys/epoll.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "userspace/base/log.h"

namespace sluice::agent {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(10);
// The proxy keeps its own deadline; this is for one that does not.
constexpr absl::Duration kDrainGrace = absl::Milliseconds(500);

}  // namespace

const char* ProxyStateName(ProxyState state) {
  switch (state) {
    case ProxyState::kStopped:
      return "stopped";
    case ProxyState::kStarting:
      return "starting";
    case ProxyState::kReady:
      return "ready";
    case ProxyState::kWaiting:
      return "waiting to restart";
    case ProxyState::kDraining:
      return "draining";
  }
  return "unknown";
}

absl::Duration RestartDelay(uint32_t failures) {
  const uint32_t doublings = std::min(failures, 7u) - (failures == 0 ? 0 : 1);
  return std::min(absl::Milliseconds(100) * (1 << doublings), absl::Seconds(5));
}

ProxySupervisor::ProxySupervisor(EventLoop& loop, Setup setup, Callbacks callbacks)
    : loop_(loop), setup_(std::move(setup)), callbacks_(std::move(callbacks)) {}

ProxySupervisor::~ProxySupervisor() {
  loop_.Cancel(timer_);
  if (process_ == nullptr) return;
  loop_.Unwatch(process_->pidfd.get());
  Kill();
  ReapProxy(process_->pid);
}

void ProxySupervisor::Start() { Launch(); }

void ProxySupervisor::Launch() {
  timer_ = 0;
  absl::StatusOr<ProxyProcess> process = StartProxy(setup_.launch);
  if (!process.ok()) {
    ++failures_;
    last_end_ = std::string(process.status().message());
    base::LogError("the proxy cannot be started", {{"reason", last_end_}});
    state_ = ProxyState::kWaiting;
    timer_ = loop_.RunAfter(RestartDelay(failures_), [this] { Launch(); });
    return;
  }
  state_ = ProxyState::kStarting;
  started_at_ = SteadyNow();
  process_ = std::make_unique<ProxyProcess>(*std::move(process));
  loop_.Watch(process_->pidfd.get(), EPOLLIN, [this](uint32_t) { OnEnd(); });
  ProxyChannel::Callbacks callbacks;
  callbacks.on_message = [this](const node::v1::ToAgent& message) { OnMessage(message); };
  callbacks.on_malformed = [this] { ++malformed_count_; };
  // A proxy that closed its side can be told nothing any more: a new one can.
  callbacks.on_closed = [this] {
    if (state_ != ProxyState::kDraining) Kill();
  };
  channel_ =
      std::make_unique<ProxyChannel>(loop_, std::move(process_->socket), std::move(callbacks));
  node::v1::ToProxy configure;
  *configure.mutable_configure() = setup_.configure;
  channel_->Send(configure, setup_.configure_fds);
  timer_ = loop_.RunAfter(kStartTimeout, [this] {
    timer_ = 0;
    base::LogError("the proxy did not become ready in time; ending it");
    Kill();
  });
}

void ProxySupervisor::Kill() {
  if (process_ != nullptr) kill(process_->pid, SIGKILL);
}

void ProxySupervisor::OnMessage(const node::v1::ToAgent& message) {
  if (!message.has_ready()) {
    callbacks_.on_message(message);
    return;
  }
  if (state_ != ProxyState::kStarting) {
    ++malformed_count_;
    return;
  }
  loop_.Cancel(std::exchange(timer_, 0));
  state_ = ProxyState::kReady;
  base::LogInfo("proxy ready", {{"pid", pid()}});
  callbacks_.on_ready();
}

void ProxySupervisor::OnEnd() {
  loop_.Unwatch(process_->pidfd.get());
  channel_.reset();
  last_end_ = ReapProxy(process_->pid);
  process_.reset();
  loop_.Cancel(std::exchange(timer_, 0));
  if (state_ == ProxyState::kDraining) {
    state_ = ProxyState::kStopped;
    callbacks_.on_gone();
    on_drained_();
    return;
  }
  if (SteadyNow() - started_at_ > kSteadyAfter) failures_ = 0;
  ++failures_;
  ++restart_count_;
  state_ = ProxyState::kWaiting;
  base::LogError("the proxy ended; connections wait for the next one",
                 {{"how", last_end_}, {"delay", absl::FormatDuration(RestartDelay(failures_))}});
  timer_ = loop_.RunAfter(RestartDelay(failures_), [this] { Launch(); });
  callbacks_.on_gone();
}

void ProxySupervisor::Drain(absl::Duration deadline, std::function<void()> on_end) {
  loop_.Cancel(std::exchange(timer_, 0));
  if (process_ == nullptr) {
    state_ = ProxyState::kStopped;
    on_end();
    return;
  }
  state_ = ProxyState::kDraining;
  on_drained_ = std::move(on_end);
  node::v1::ToProxy drain;
  drain.mutable_drain()->set_deadline_ms(
      static_cast<uint32_t>(absl::ToInt64Milliseconds(deadline)));
  Send(drain, {});
  timer_ = loop_.RunAfter(deadline + kDrainGrace, [this] {
    timer_ = 0;
    Kill();
  });
}

void ProxySupervisor::Send(const node::v1::ToProxy& message, std::vector<SharedFd> fds) {
  if (channel_ != nullptr) channel_->Send(message, std::move(fds));
}

}  // namespace sluice::agent
