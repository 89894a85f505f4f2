// The agent's one thread: descriptors by epoll, timers, nothing else.
// Callbacks may watch, unwatch, arm and cancel anything, themselves included; they must not block.
// Thread: the one that calls Run().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "userspace/base/unique_fd.h"

namespace sluice::agent {

// Steady time in absl's form; the epoch means nothing.
absl::Time SteadyNow();

class EventLoop {
 public:
  using FdCallback = std::function<void(uint32_t epoll_events)>;
  using TimerId = uint64_t;  // 0 is never given.

  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();

  // Replaces what was watched for `fd` before. The caller unwatches before it closes the
  // descriptor.
  void Watch(int fd, uint32_t epoll_events, FdCallback callback);
  void Unwatch(int fd);

  TimerId RunAfter(absl::Duration delay, std::function<void()> callback);
  void Cancel(TimerId id);

  // Until Stop() is called from a callback.
  void Run();
  void Stop() { is_stopping_ = true; }

 private:
  struct Watched {
    uint64_t generation =
        0;  // Tells a reused descriptor number from its former owner within one turn.
    std::shared_ptr<const FdCallback> callback;
  };

  explicit EventLoop(base::UniqueFd epoll) : epoll_(std::move(epoll)) {}
  int WaitMs() const;
  void RunDueTimers();

  base::UniqueFd epoll_;
  absl::flat_hash_map<int, Watched> watched_;
  uint64_t last_generation_ = 0;
  std::map<std::pair<absl::Time, TimerId>, std::function<void()>> timers_;
  absl::flat_hash_map<TimerId, absl::Time> timer_times_;
  TimerId last_timer_ = 0;
  bool is_stopping_ = false;
};

}  // namespace sluice::agent
