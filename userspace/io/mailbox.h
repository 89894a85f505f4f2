// Messages to a worker from other threads: a bounded wait-free-to-read hand-over on the cold path.
// Thread: Post from any; the worker takes all at once when its eventfd becomes readable.
#pragma once

#include <sys/eventfd.h>

#include <functional>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "userspace/base/unique_fd.h"

namespace sluice::io {

class Mailbox {
 public:
  using Message = std::function<void()>;  // Run by the worker, between two turns.

  Mailbox() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void Post(Message message) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      messages_.push_back(std::move(message));
    }
    eventfd_write(event_.get(), 1);
  }

  int event_fd() const { return event_.get(); }

  std::vector<Message> TakeAll() ABSL_LOCKS_EXCLUDED(mutex_) {
    eventfd_t ignored;
    eventfd_read(event_.get(), &ignored);
    absl::MutexLock lock(&mutex_);
    return std::exchange(messages_, {});
  }

 private:
  base::UniqueFd event_;
  absl::Mutex mutex_;
  std::vector<Message> messages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::io
