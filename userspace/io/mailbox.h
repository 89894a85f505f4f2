// Messages to a worker from other threads: a queue under a mutex, on the cold path only. Thread:
// Post from any; the worker takes all at once when its eventfd becomes readable. Bounds: those of
// who posts. To workers only the agent link does, two messages for a packet at most, and it reads
// no packet while one of them has too many waiting (kMailboxHigh). To the agent link workers do:
// one request for each stock of sockets that runs dry, until it is answered, and one word for a
// packet that all have seen.
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

  size_t size() {
    std::lock_guard lock(mutex_);
    return messages_.size();
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
