#include "userspace/agent/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/memory/memory.h"
#include "userspace/base/check.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"

namespace sluice::agent {
namespace {

constexpr size_t kEventsPerTurnMax = 64;

// A descriptor takes the low half; the low bits of its generation the high half.
uint64_t Tag(int fd, uint64_t generation) { return (generation << 32) | static_cast<uint32_t>(fd); }

}  // namespace

absl::Time SteadyNow() { return absl::FromUnixNanos(static_cast<int64_t>(base::MonotonicNanos())); }

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  base::UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_valid()) return base::ErrnoStatus(errno, "epoll_create1");
  return absl::WrapUnique(new EventLoop(std::move(epoll)));
}

void EventLoop::Watch(int fd, uint32_t epoll_events, FdCallback callback) {
  Watched& watched = watched_[fd];
  const bool is_new = watched.callback == nullptr;
  watched.generation = ++last_generation_;
  watched.callback = std::make_shared<const FdCallback>(std::move(callback));
  epoll_event event{};
  event.events = epoll_events;
  event.data.u64 = Tag(fd, watched.generation);
  // Fails only for descriptors that cannot be polled or for want of kernel memory: nobody can go on
  // then.
  SLUICE_CHECK(epoll_ctl(epoll_.get(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::Unwatch(int fd) {
  if (watched_.erase(fd) == 0) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::RunAfter(absl::Duration delay, std::function<void()> callback) {
  const TimerId id = ++last_timer_;
  const absl::Time due = SteadyNow() + delay;
  timers_.emplace(std::make_pair(due, id), std::move(callback));
  timer_times_.emplace(id, due);
  return id;
}

void EventLoop::Cancel(TimerId id) {
  const auto found = timer_times_.find(id);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, id});
  timer_times_.erase(found);
}

int EventLoop::WaitMs() const {
  if (timers_.empty()) return -1;
  const absl::Duration left = timers_.begin()->first.first - SteadyNow();
  // Rounded up, or the last fraction of a millisecond would be spent spinning.
  return static_cast<int>(std::clamp<int64_t>(
      absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))), 0, 60'000));
}

void EventLoop::RunDueTimers() {
  const absl::Time now = SteadyNow();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto timer = timers_.extract(timers_.begin());
    timer_times_.erase(timer.key().second);
    timer.mapped()();
  }
}

void EventLoop::Run() {
  std::array<epoll_event, kEventsPerTurnMax> events;
  while (!is_stopping_) {
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), WaitMs());
    for (int i = 0; i < count && !is_stopping_; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      const int fd = static_cast<int>(event.data.u64 & 0xffffffffu);
      const auto found = watched_.find(fd);
      if (found == watched_.end() || Tag(fd, found->second.generation) != event.data.u64) continue;
      const std::shared_ptr<const FdCallback> callback =
          found->second.callback;  // It may unwatch itself.
      (*callback)(event.events);
    }
    RunDueTimers();
  }
}

}  // namespace sluice::agent
