// Messages to a worker from other threads: a queue under a mutex, on the cold path only. Its length
// is not bounded: the agent link posts a few messages per packet, and the worker takes all of them
// each time it wakes. Thread: Post from any; the worker takes all at once when its eventfd becomes
// readable.
#pragma once

#include <sys/eventfd.h>

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "userspace/base/unique_fd.h"

namespace sluice::io {

class Mailbox {
 public:
  using Message = std::function<void()>;  // Run by the worker, between two turns.

  Mailbox() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void Post(Message message) {
    {
      std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
    }
    eventfd_write(event_.get(), 1);
  }

  int event_fd() const { return event_.get(); }

  std::vector<Message> TakeAll() {
    eventfd_t ignored;
    eventfd_read(event_.get(), &ignored);
    std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }

 private:
  base::UniqueFd event_;
  // Not absl::Mutex: the distribution's library is not instrumented, and ThreadSanitizer does not
  // see what it guards.
  std::mutex mutex_;
  std::vector<Message> messages_;  // Guarded by mutex_.
};

}  // namespace sluice::io
