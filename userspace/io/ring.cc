#include "userspace/io/ring.h"

#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "userspace/base/check.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/io/restrictions.h"

namespace sluice::io {
namespace {

constexpr int kBufferGroup = 0;
constexpr uint32_t kMessagesPerTurnMax = 4096;  // Vectored sends prepared between two submissions.
constexpr uint32_t kVectorsPerMessageMax = 16;

struct Message {
  msghdr header;
  std::array<iovec, kVectorsPerMessageMax> vectors;
};

// Says who forbids it and what to do; anything but a refusal is told as it is.
absl::Status SetupError(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return absl::UnavailableError(
          "io_uring is forbidden to this process: set kernel.io_uring_disabled=0, and allow "
          "io_uring_setup, io_uring_enter and io_uring_register in its seccomp profile");
    case ENOSYS:
      return absl::UnavailableError(
          "this kernel has no io_uring, or a seccomp profile hides it: Linux 6.1 or newer with "
          "CONFIG_IO_URING is needed, and io_uring_setup, io_uring_enter and io_uring_register "
          "allowed");
    case EINVAL:
      return absl::UnavailableError(
          "this kernel's io_uring lacks SINGLE_ISSUER and DEFER_TASKRUN: Linux 6.1 or newer is "
          "needed");
    case ENOMEM:
      return absl::ResourceExhaustedError(
          "io_uring_setup: Cannot allocate memory: raise the limit of locked memory "
          "(RLIMIT_MEMLOCK, `ulimit -l`; systemd: LimitMEMLOCK=) or the memory limit of this "
          "cgroup");
    default:
      return base::ErrnoStatus(error, "io_uring_setup");
  }
}

}  // namespace

struct Ring::State {
  io_uring ring{};
  io_uring_buf_ring* buffer_ring = nullptr;
  size_t buffer_ring_size = 0;
  char* buffers = nullptr;
  size_t buffers_size = 0;
  // Headers of vectored sends. The kernel copies them while it takes the entry
  // (IORING_FEAT_SUBMIT_STABLE), so they are free again after each submission. Grown on first use
  // and kept: no allocation in steady state.
  std::unique_ptr<Message[]> messages = std::make_unique<Message[]>(64);
  uint32_t message_capacity = 64;
  uint32_t message_count = 0;

  ~State() {
    if (ring.ring_fd > 0) io_uring_queue_exit(&ring);
    if (buffer_ring != nullptr) munmap(buffer_ring, buffer_ring_size);
    if (buffers != nullptr) munmap(buffers, buffers_size);
  }
};

Ring::Ring(const RingOptions& options, std::unique_ptr<State> state)
    : options_(options), state_(std::move(state)) {}

Ring::~Ring() = default;

absl::StatusOr<std::unique_ptr<Ring>> Ring::Create(const RingOptions& options) {
  auto state = std::make_unique<State>();
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                 IORING_SETUP_R_DISABLED;
  params.cq_entries = options.entries * 4;
  if (const int error = io_uring_queue_init_params(options.entries, &state->ring, &params);
      error < 0) {
    return SetupError(-error);
  }
  state->buffer_ring_size = options.receive_buffer_count * sizeof(io_uring_buf);
  state->buffers_size = size_t{options.receive_buffer_count} * options.receive_buffer_size;
  void* entries = mmap(nullptr, state->buffer_ring_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* buffers = mmap(nullptr, state->buffers_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (entries == MAP_FAILED || buffers == MAP_FAILED) {
    return base::ErrnoStatus(errno, "mmap of receive buffers");
  }
  state->buffer_ring = static_cast<io_uring_buf_ring*>(entries);
  state->buffers = static_cast<char*>(buffers);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(entries);
  registration.ring_entries = options.receive_buffer_count;
  registration.bgid = kBufferGroup;
  if (const int error = io_uring_register_buf_ring(&state->ring, &registration, 0); error < 0) {
    return base::ErrnoStatus(-error, "register provided-buffer ring (Linux 5.19)");
  }
  if (absl::Status status = RestrictAndEnable(state->ring); !status.ok()) return status;
  auto ring = std::unique_ptr<Ring>(new Ring(options, std::move(state)));
  ring->buffers_held_ = options.receive_buffer_count;
  for (uint32_t i = 0; i < options.receive_buffer_count; ++i)
    ring->GiveBack(static_cast<uint16_t>(i));
  return ring;
}

io_uring_sqe* Ring::NextEntry(Operation* operation) {
  io_uring_sqe* entry = io_uring_get_sqe(&state_->ring);
  if (entry == nullptr) {
    // Full: hand over what is there. This never runs callbacks, only frees entries.
    io_uring_submit(&state_->ring);
    ++enter_count_;
    state_->message_count = 0;
    entry = io_uring_get_sqe(&state_->ring);
    SLUICE_CHECK(entry != nullptr);
  }
  if (operation != nullptr) {
    SLUICE_DCHECK(!operation->is_pending);
    operation->is_pending = true;
  }
  return entry;
}

void Ring::AcceptMultishot(Operation& operation, int listener) {
  io_uring_sqe* entry = NextEntry(&operation);
  io_uring_prep_multishot_accept(entry, listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::ReceiveMultishot(Operation& operation, int fd) {
  io_uring_sqe* entry = NextEntry(&operation);
  io_uring_prep_recv_multishot(entry, fd, nullptr, 0, 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = kBufferGroup;
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::ReceiveOnce(Operation& operation, int fd) {
  io_uring_sqe* entry = NextEntry(&operation);
  io_uring_prep_recv(entry, fd, nullptr, 0, 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = kBufferGroup;
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::Connect(Operation& operation, int fd, const ConnectTarget& target) {
  io_uring_sqe* entry = NextEntry(&operation);
  io_uring_prep_connect(entry, fd, reinterpret_cast<const sockaddr*>(&target.address),
                        target.address_size);
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::Send(Operation& operation, int fd, absl::Span<const iovec> data) {
  SLUICE_DCHECK(!data.empty() && data.size() <= kVectorsPerMessageMax);
  // MSG_DONTWAIT: left to itself the ring polls and tries again, but after 128 tries it moves the
  // send to a helper thread that blocks in it (seen on 6.18 with a socket whose poll and whose send
  // disagree about room).
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  if (data.size() == 1) {
    io_uring_sqe* entry = NextEntry(&operation);
    io_uring_prep_send(entry, fd, data[0].iov_base, data[0].iov_len, kFlags);
    io_uring_sqe_set_data(entry, &operation);
    return;
  }
  if (state_->message_count == state_->message_capacity) {
    // Growing would move headers that entries already point to: hand those over first.
    io_uring_submit(&state_->ring);
    ++enter_count_;
    state_->message_count = 0;
    if (state_->message_capacity < kMessagesPerTurnMax) {
      state_->message_capacity *= 2;
      state_->messages = std::make_unique<Message[]>(state_->message_capacity);
    }
  }
  io_uring_sqe* entry = NextEntry(&operation);  // May submit, so take the header after it.
  Message& message = state_->messages[state_->message_count++];
  std::memcpy(message.vectors.data(), data.data(), data.size() * sizeof(iovec));
  message.header = {};
  message.header.msg_iov = message.vectors.data();
  message.header.msg_iovlen = data.size();
  io_uring_prep_sendmsg(entry, fd, &message.header, kFlags);
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::PollReadMultishot(Operation& operation, int fd) {
  io_uring_sqe* entry = NextEntry(&operation);
  io_uring_prep_poll_multishot(entry, fd, POLLIN);
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::PollWrite(Operation& operation, int fd) {
  io_uring_sqe* entry = NextEntry(&operation);
  io_uring_prep_poll_add(entry, fd, POLLOUT);
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::PollHangupMultishot(Operation& operation, int fd) {
  io_uring_sqe* entry = NextEntry(&operation);
  io_uring_prep_poll_multishot(entry, fd, 0);  // The kernel adds ERR, HUP and RDHUP by itself.
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::Cancel(Operation& operation) {
  io_uring_sqe* entry = NextEntry(nullptr);
  io_uring_prep_cancel(entry, &operation, 0);
  io_uring_sqe_set_data(entry, nullptr);
}

void Ring::CloseFd(int fd) {
  io_uring_sqe* entry = NextEntry(nullptr);
  io_uring_prep_close(entry, fd);
  io_uring_sqe_set_data(entry, nullptr);
}

std::string_view Ring::BufferData(const Completion& completion) const {
  return {state_->buffers + size_t{completion.buffer} * options_.receive_buffer_size,
          static_cast<size_t>(completion.result)};
}

void Ring::GiveBack(uint16_t buffer) {
  SLUICE_DCHECK(buffers_held_ > 0);
  --buffers_held_;
  io_uring_buf_ring_add(
      state_->buffer_ring, state_->buffers + size_t{buffer} * options_.receive_buffer_size,
      options_.receive_buffer_size, buffer, static_cast<int>(options_.receive_buffer_count - 1), 0);
  io_uring_buf_ring_advance(state_->buffer_ring, 1);
}

// Looks at memory only, unless the kernel's TASKRUN flag says that deferred work waits: no system
// call is made in vain.
bool Ring::TakeDeferredWork() {
  io_uring* ring = &state_->ring;
  if (io_uring_cq_ready(ring) > 0) return true;
  if ((__atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN) == 0) return false;
  ++enter_count_;
  io_uring_get_events(ring);
  return io_uring_cq_ready(ring) > 0;
}

bool Ring::SpinForCompletion(uint64_t until_ns) {
  do {
    for (int i = 0; i < 16; ++i) {
      if (TakeDeferredWork()) return true;
      __builtin_ia32_pause();
    }
  } while (base::MonotonicNanos() < until_ns);
  return false;
}

// Applications that share the processor run now rather than after a sleep and a wake-up of ours,
// and what they ask meanwhile comes in one piece. With nobody there it costs one system call.
bool Ring::YieldForCompletion() {
  const uint64_t before_ns = base::MonotonicNanos();
  sched_yield();
  yielded_ns_ = base::MonotonicNanos() - before_ns;
  return TakeDeferredWork();
}

uint32_t Ring::RunCompletions() {
  // Only those that are there now: what callbacks cause is for the next turn, so a turn is bounded.
  const uint32_t ready = io_uring_cq_ready(&state_->ring);
  for (uint32_t i = 0; i < ready; ++i) {
    io_uring_cqe* entry = nullptr;
    if (io_uring_peek_cqe(&state_->ring, &entry) != 0) return i;
    auto* operation = static_cast<Operation*>(io_uring_cqe_get_data(entry));
    Completion completion{.result = entry->res,
                          .has_more = (entry->flags & IORING_CQE_F_MORE) != 0,
                          .has_buffer = (entry->flags & IORING_CQE_F_BUFFER) != 0,
                          .buffer = static_cast<uint16_t>(entry->flags >> IORING_CQE_BUFFER_SHIFT)};
    io_uring_cqe_seen(&state_->ring, entry);
    if (operation == nullptr) continue;
    if (completion.has_buffer) ++buffers_held_;
    if (!completion.has_more) operation->is_pending = false;
    operation->on_complete(operation->self, completion);
  }
  return ready;
}

uint32_t Ring::Turn(uint64_t& now_ns, const WaitHint& hint) {
  yielded_ns_ = 0;
  Wait(now_ns, hint);
  now_ns = base::MonotonicNanos();
  return RunCompletions();
}

void Ring::SubmitWithoutWaiting() {
  ++enter_count_;
  io_uring_submit_and_get_events(&state_->ring);
  state_->message_count = 0;
}

void Ring::Wait(uint64_t now_ns, const WaitHint& hint) {
  if (hint.deadline_ns <= now_ns) {
    SubmitWithoutWaiting();
    return;
  }
  if ((hint.spin_ns != 0 || hint.must_yield) && io_uring_cq_ready(&state_->ring) == 0) {
    SubmitWithoutWaiting();
    if (io_uring_cq_ready(&state_->ring) > 0) return;
    if (hint.spin_ns != 0 && SpinForCompletion(now_ns + hint.spin_ns)) return;
    if (hint.must_yield && YieldForCompletion()) return;
  }
  Sleep(now_ns + yielded_ns_, hint.deadline_ns);
}

void Ring::Sleep(uint64_t now_ns, uint64_t deadline_ns) {
  io_uring* ring = &state_->ring;
  io_uring_cqe* entry = nullptr;
  ++enter_count_;
  if (deadline_ns == UINT64_MAX) {
    io_uring_submit_and_wait(ring, 1);
  } else {
    const uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    __kernel_timespec timeout{.tv_sec = static_cast<int64_t>(wait_ns / 1'000'000'000u),
                              .tv_nsec = static_cast<int64_t>(wait_ns % 1'000'000'000u)};
    io_uring_submit_and_wait_timeout(ring, &entry, 1, &timeout, nullptr);
  }
  state_->message_count = 0;
}

}  // namespace sluice::io
