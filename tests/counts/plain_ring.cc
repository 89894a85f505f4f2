// A body of io::Ring on poll and plain system calls, for programs that run under callgrind, which
// knows no io_uring. Does what the worker asks for, slowly; it is linked instead of io/ring.cc.
// Thread: one.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <utility>
#include <vector>

#include "userspace/base/clock.h"
#include "userspace/io/ring.h"

namespace sluice::io {
namespace {

constexpr uint64_t kNanosPerMilli = 1'000'000;
constexpr int kWaitMaxMs = 1000;

enum class Kind : uint8_t { kAccept, kReceive, kConnect, kSend, kPollRead, kPollWrite, kHangup };

struct Asked {
  Operation* operation = nullptr;
  Kind kind = Kind::kReceive;
  int fd = -1;
  bool is_multishot = false;
  bool is_cancelled = false;
  bool is_begun = false;
  const ConnectTarget* target = nullptr;
  std::vector<iovec> data;
};

short EventsOf(Kind kind) {
  switch (kind) {
    case Kind::kConnect:
    case Kind::kSend:
    case Kind::kPollWrite:
      return POLLOUT;
    case Kind::kHangup:
      return POLLRDHUP;
    case Kind::kAccept:
    case Kind::kReceive:
    case Kind::kPollRead:
      return POLLIN;
  }
  return 0;
}

}  // namespace

struct Ring::State {
  std::list<Asked> asked;
  std::vector<int> closed;
  std::vector<char> buffers;
  std::vector<uint16_t> free_buffers;

  Asked& Add(Operation& operation, Kind kind, int fd, bool is_multishot = false) {
    operation.is_pending = true;
    asked.push_back(
        {.operation = &operation, .kind = kind, .fd = fd, .is_multishot = is_multishot});
    return asked.back();
  }
  void BeginConnects();
  Completion Do(Asked& asked, short events, uint32_t buffer_size);
};

void Ring::State::BeginConnects() {
  for (Asked& one : asked) {
    if (one.kind != Kind::kConnect || one.is_begun) continue;
    one.is_begun = true;
    ::connect(one.fd, reinterpret_cast<const sockaddr*>(&one.target->address),
              one.target->address_size);
  }
}

Completion Ring::State::Do(Asked& one, short events, uint32_t buffer_size) {
  Completion done{.has_more = one.is_multishot};
  ssize_t result = 0;
  switch (one.kind) {
    case Kind::kAccept:
      result = ::accept4(one.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      break;
    case Kind::kReceive: {
      const uint16_t buffer = free_buffers.back();
      result = ::recv(one.fd, &buffers[size_t{buffer} * buffer_size], buffer_size, MSG_DONTWAIT);
      if (result > 0) {
        free_buffers.pop_back();
        done.buffer = buffer;
        done.has_buffer = true;
      } else {
        done.has_more = false;
      }
      break;
    }
    case Kind::kSend: {
      const msghdr message{.msg_name = nullptr,
                           .msg_namelen = 0,
                           .msg_iov = one.data.data(),
                           .msg_iovlen = one.data.size(),
                           .msg_control = nullptr,
                           .msg_controllen = 0,
                           .msg_flags = 0};
      result = ::sendmsg(one.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      break;
    }
    case Kind::kConnect: {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      done.result = -error;
      return done;
    }
    case Kind::kPollRead:
    case Kind::kPollWrite:
    case Kind::kHangup:
      done.result = events;
      return done;
  }
  done.result = static_cast<int32_t>(result < 0 ? -errno : result);
  return done;
}

Ring::Ring(const RingOptions& options, std::unique_ptr<State> state)
    : options_(options), state_(std::move(state)) {}

Ring::~Ring() = default;

absl::StatusOr<std::unique_ptr<Ring>> Ring::Create(const RingOptions& options) {
  auto state = std::make_unique<State>();
  state->buffers.resize(size_t{options.receive_buffer_count} * options.receive_buffer_size);
  for (uint32_t i = 0; i < options.receive_buffer_count; ++i)
    state->free_buffers.push_back(static_cast<uint16_t>(i));
  return std::unique_ptr<Ring>(new Ring(options, std::move(state)));
}

void Ring::AcceptMultishot(Operation& operation, int listener) {
  state_->Add(operation, Kind::kAccept, listener, true);
}
void Ring::ReceiveMultishot(Operation& operation, int fd) {
  state_->Add(operation, Kind::kReceive, fd, true);
}
void Ring::ReceiveOnce(Operation& operation, int fd) { state_->Add(operation, Kind::kReceive, fd); }
void Ring::Connect(Operation& operation, int fd, const ConnectTarget& target) {
  state_->Add(operation, Kind::kConnect, fd).target = &target;
}
void Ring::Send(Operation& operation, int fd, absl::Span<const iovec> data) {
  state_->Add(operation, Kind::kSend, fd).data.assign(data.begin(), data.end());
}
void Ring::PollWrite(Operation& operation, int fd) { state_->Add(operation, Kind::kPollWrite, fd); }
void Ring::PollReadMultishot(Operation& operation, int fd) {
  state_->Add(operation, Kind::kPollRead, fd, true);
}
void Ring::PollHangupMultishot(Operation& operation, int fd) {
  state_->Add(operation, Kind::kHangup, fd);
}
void Ring::Cancel(Operation& operation) {
  for (Asked& one : state_->asked) one.is_cancelled |= one.operation == &operation;
}
void Ring::CloseFd(int fd) { state_->closed.push_back(fd); }

std::string_view Ring::BufferData(const Completion& completion) const {
  return {&state_->buffers[size_t{completion.buffer} * options_.receive_buffer_size],
          static_cast<size_t>(completion.result)};
}
void Ring::GiveBack(uint16_t buffer) {
  --buffers_held_;
  state_->free_buffers.push_back(buffer);
}

uint32_t Ring::Turn(uint64_t& now_ns, const WaitHint& hint) {
  ++enter_count_;
  state_->BeginConnects();
  for (const int fd : std::exchange(state_->closed, {})) ::close(fd);
  std::vector<pollfd> ready;
  int wait_ms = kWaitMaxMs;
  if (hint.deadline_ns != UINT64_MAX) {
    const uint64_t wait_ns = hint.deadline_ns > now_ns ? hint.deadline_ns - now_ns : 0;
    wait_ms = static_cast<int>(std::min<uint64_t>(wait_ns / kNanosPerMilli + 1, kWaitMaxMs));
  }
  for (const Asked& one : state_->asked) {
    ready.push_back({.fd = one.fd, .events = EventsOf(one.kind), .revents = 0});
    if (one.is_cancelled) wait_ms = 0;
  }
  ::poll(ready.data(), ready.size(), wait_ms);
  now_ns = base::MonotonicNanos();
  std::vector<std::pair<Operation*, Completion>> completions;
  auto events = ready.begin();
  for (auto one = state_->asked.begin(); one != state_->asked.end(); ++events) {
    const bool is_starved = one->kind == Kind::kReceive && state_->free_buffers.empty();
    if (!one->is_cancelled && (events->revents == 0 || is_starved)) {
      ++one;
      continue;
    }
    const Completion done = one->is_cancelled
                                ? Completion{.result = -ECANCELED}
                                : state_->Do(*one, events->revents, options_.receive_buffer_size);
    completions.emplace_back(one->operation, done);
    one = done.has_more ? std::next(one) : state_->asked.erase(one);
  }
  for (const auto& [operation, done] : completions) {
    if (done.has_buffer) ++buffers_held_;
    if (!done.has_more) operation->is_pending = false;
    operation->on_complete(operation->self, done);
  }
  return static_cast<uint32_t>(completions.size());
}

}  // namespace sluice::io
