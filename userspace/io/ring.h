// One io_uring per worker: operations embedded in their owners, one provided-buffer ring, one
// system call per turn. The kernel's names do not leave this header's implementation, so that
// another body (epoll, simulation) can stand in. Thread: one, the one that called Create. Errors:
// kUnavailable with the reason when the host forbids io_uring.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

struct io_uring_sqe;

namespace sluice::io {

struct RingOptions {
  uint32_t entries = 4096;  // Submission queue entries; the completion queue is four times as long.
  // The pool (count x size) should stay within L2; of the same pool, larger buffers carry a stream
  // faster than more of them (docs/performance.md).
  uint32_t receive_buffer_count = 32;        // Power of two.
  uint32_t receive_buffer_size = 32 * 1024;  // Bytes.
};

// What the kernel answered to one operation.
struct Completion {
  int32_t result = 0;       // Bytes, descriptor, 0, or a negative errno.
  bool has_more = false;    // Multishot: the operation stays armed.
  bool has_buffer = false;  // Receive: `buffer` holds `result` bytes and must be given back.
  uint16_t buffer = 0;
};

// One operation the kernel may hold at a time. Embedded in its owner, which must stay put until the
// last completion.
struct Operation {
  using Callback = void (*)(void* self, const Completion& completion);
  Callback on_complete = nullptr;
  void* self = nullptr;
  bool is_pending = false;  // Kept by the ring: true from preparation to the last completion.
};

// Descriptor plus address storage of a connect: must stay put until its completion.
struct ConnectTarget {
  sockaddr_storage address;
  socklen_t address_size = 0;
};

// How a turn waits when no completion is there.
struct WaitHint {
  uint64_t deadline_ns = UINT64_MAX;  // Monotonic: wait no longer.
  uint64_t spin_ns = 0;               // Poll for so long before sleeping.
  bool must_yield = false;            // Let others have the processor once before sleeping.
};

class Ring {
 public:
  static absl::StatusOr<std::unique_ptr<Ring>> Create(const RingOptions& options);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Each prepares one operation; nothing reaches the kernel before Turn. Callbacks are never run
  // from here.
  void AcceptMultishot(Operation& operation, int listener);
  void ReceiveMultishot(Operation& operation, int fd);
  void ReceiveOnce(Operation& operation, int fd);  // One buffer at most.
  void Connect(Operation& operation, int fd, const ConnectTarget& target);
  // `data` (Send) must stay put until the completion; the vectors themselves are copied.
  // The result may be less than asked; -EAGAIN: no room, PollWrite tells when there is.
  void Send(Operation& operation, int fd, absl::Span<const iovec> data);
  void PollWrite(Operation& operation, int fd);  // Completes once, when there is room or an error.
  void PollReadMultishot(Operation& operation, int fd);
  // For a socket whose peer has sent FIN, so that no receive is there to tell: completes with
  // poll's events (POLLRDHUP at once, POLLERR or POLLHUP when the peer resets), each time they
  // change.
  void PollHangupMultishot(Operation& operation, int fd);
  // Cancels one operation; it still completes once, with -ECANCELED or its own result. (To cancel
  // all of a descriptor the kernel looks through all of the ring.)
  void Cancel(Operation& operation);
  void CloseFd(int fd);  // Closes without waiting.

  // The bytes of a completion that has a buffer; GiveBack returns it to the kernel.
  std::string_view BufferData(const Completion& completion) const;
  void GiveBack(uint16_t buffer);
  uint32_t buffers_held() const { return buffers_held_; }  // Given out, not yet given back.
  uint32_t buffer_count() const { return options_.receive_buffer_count; }

  // Submits what is prepared, waits for a completion as `hint` says, and runs callbacks. Returns
  // how many. `now_ns` becomes the time after the wait: callbacks set timers by it, and a time from
  // before a long sleep would fire them at once.
  uint32_t Turn(uint64_t& now_ns, const WaitHint& hint);
  uint64_t yielded_ns() const { return yielded_ns_; }  // How long others ran in the last turn.

  uint64_t enter_count() const { return enter_count_; }  // System calls made by Turn.

 private:
  struct State;
  Ring(const RingOptions& options, std::unique_ptr<State> state);
  ::io_uring_sqe* NextEntry(Operation* operation);
  void Wait(uint64_t now_ns, const WaitHint& hint);
  void Sleep(uint64_t now_ns, uint64_t deadline_ns);
  void SubmitWithoutWaiting();
  bool YieldForCompletion();
  bool SpinForCompletion(uint64_t until_ns);
  bool TakeDeferredWork();
  uint32_t RunCompletions();

  RingOptions options_;
  std::unique_ptr<State> state_;
  uint32_t buffers_held_ = 0;
  uint64_t enter_count_ = 0;
  uint64_t yielded_ns_ = 0;
};

}  // namespace sluice::io
