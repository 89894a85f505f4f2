#include "bench/load/http2_generator.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include "bench/load/timing.h"

namespace sluice::bench {
namespace {

constexpr size_t kBufferSize = 256 * 1024;
constexpr size_t kEventsMax = 256;

http::RequestHead HeadOf(const LoadOptions& options) {
  http::RequestHead head;
  head.method = "GET";
  head.authority = options.address;
  for (const std::string_view line : options.headers) {
    if (head.header_count == head.header_array.size()) break;
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    http::Header& header = head.header_array[head.header_count++];
    header.name = line.substr(0, colon);
    header.value = line.substr(colon + 2);
  }
  return head;
}

}  // namespace

Http2Generator::Http2Generator(const LoadOptions& options)
    : options_(options),
      head_(HeadOf(options_)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(std::clamp(options.connection_count, 1u, kConnectionsMax)),
      slots_(connections_.size() * std::clamp(options.stream_count, 1u, kStreamsMax)),
      buffer_(kBufferSize),
      events_(kEventsMax),
      schedule_(ScheduleOf(options)) {
  // Turn by turn over the connections, so that a rate below the maximum uses them all.
  for (size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].connection = &connections_[i % connections_.size()];
    free_.push_back(&slots_[i]);
  }
}

Results Http2Generator::Run() {
  for (Connection& connection : connections_) {
    if (!Open(connection)) return results_;
  }
  Flush();
  schedule_ = ScheduleOf(options_);
  measured_from_ns_ = Now() + static_cast<int64_t>(options_.warm_up_s * 1e9);
  results_.seconds = options_.seconds;
  int64_t now_ns = Now();
  while (now_ns < schedule_.end_ns() && results_.errors() == 0) {
    is_measured_now_ = now_ns >= measured_from_ns_;
    IssueDue(now_ns);
    Flush();
    Wait(free_.empty() ? schedule_.end_ns()
                       : std::min(schedule_.NextAt(Now()), schedule_.end_ns()));
    now_ns = Now();
  }
  is_measured_now_ = false;
  const int64_t drained_ns = schedule_.end_ns() + kDrainNs;
  while (now_ns < drained_ns && results_.errors() == 0 && HasBusy()) {
    Flush();
    Wait(drained_ns);
    now_ns = Now();
  }
  CountWhatIsLeft(now_ns);
  return results_;
}

bool Http2Generator::HasBusy() const {
  return std::ranges::any_of(slots_, [](const Slot& slot) { return slot.is_busy; });
}

bool Http2Generator::Open(Connection& connection) {
  connection.fd.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in peer{.sin_family = AF_INET, .sin_port = htons(options_.port)};
  inet_pton(AF_INET, options_.address.c_str(), &peer.sin_addr);
  const int fd = connection.fd.get();
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) != 0) {
    ++results_.connect_errors;
    return false;
  }
  ++results_.connections;
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  connection.session = std::make_unique<http::H2Session>(http::H2Role::kClient, limits_, heads_);
  connection.session->Start(static_cast<uint64_t>(Now()));
  for (uint32_t i = 0; i < options_.stalled_count; ++i) {
    if (Submit(connection, options_.stalled_path, 0) == 0) ++results_.write_errors;
  }
  MarkDirty(connection);
  return true;
}

uint32_t Http2Generator::Submit(Connection& connection, const std::string& path, uint64_t user) {
  head_.target = path;
  head_.path = path;
  return connection.session->SubmitRequest(head_, {}, true, user);
}

void Http2Generator::IssueDue(int64_t now_ns) {
  for (size_t left = free_.size(); left > 0; --left) {
    const std::optional<int64_t> intended_ns = schedule_.Take(now_ns);
    if (!intended_ns) return;
    Slot& slot = *free_.front();
    free_.pop_front();
    slot = {.connection = slot.connection, .intended_ns = *intended_ns, .is_busy = true};
    if (Submit(*slot.connection, options_.path, reinterpret_cast<uint64_t>(&slot)) == 0) {
      Lose(*slot.connection, results_.write_errors);  // GOAWAY, or fewer streams than we need.
      return;
    }
    MarkDirty(*slot.connection);
  }
}

void Http2Generator::Wait(int64_t until_ns) {
  const int64_t left_ns = std::max<int64_t>(until_ns - Now(), 0);
  const timespec timeout{.tv_sec = left_ns / kSecondNs, .tv_nsec = left_ns % kSecondNs};
  const int count = epoll_pwait2(epoll_.get(), events_.data(), kEventsMax, &timeout, nullptr);
  for (int index = 0; index < count; ++index) {
    const epoll_event& event = events_[static_cast<size_t>(index)];
    auto& connection = *static_cast<Connection*>(event.data.ptr);
    if ((event.events & EPOLLOUT) != 0 && connection.waits_to_write) {
      WaitToWrite(connection, false);
      MarkDirty(connection);
    }
    if ((event.events & ~uint32_t{EPOLLOUT}) != 0) Receive(connection);
  }
}

void Http2Generator::Receive(Connection& connection) {
  const ssize_t size = recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    Lose(connection, results_.read_errors);
    return;
  }
  std::string_view input(buffer_.data(), static_cast<size_t>(size));
  if (is_measured_now_) results_.received_size += input.size();
  for (;;) {
    const http::H2Event event = connection.session->Next(&input, static_cast<uint64_t>(Now()));
    if (event.kind == http::H2Event::Kind::kNone) break;
    OnEvent(connection, event);
    if (!connection.fd.is_valid()) return;
  }
  if (connection.session->HasOutput()) MarkDirty(connection);
}

void Http2Generator::OnEvent(Connection& connection, const http::H2Event& event) {
  using Kind = http::H2Event::Kind;
  auto* const slot = reinterpret_cast<Slot*>(event.user);
  const auto size = static_cast<uint32_t>(event.data.size());
  if (event.kind == Kind::kFailed || event.kind == Kind::kReset) {
    Lose(connection, results_.bad_answers);
    return;
  }
  if (event.kind == Kind::kGoaway) return;  // What can be opened no more is an error of its own.
  if (slot == nullptr) {
    // Stalled: the others on the connection must not suffer for want of its window.
    connection.session->ConsumeOfConnection(size);
    results_.stalled_size += size;
    return;
  }
  if (event.kind == Kind::kResponse) slot->status = heads_.response.status;
  if (size > 0) connection.session->Consume(event.stream, size);
  if (event.is_end_stream || event.kind == Kind::kTrailers) Finish(*slot);
}

void Http2Generator::Finish(Slot& slot) {
  const int64_t now_ns = Now();
  if (slot.status < 200 || slot.status > 299) {
    ++results_.non_2xx;
  } else if (slot.intended_ns >= measured_from_ns_) {
    results_.requests += now_ns <= schedule_.end_ns();
    results_.latency.Record(static_cast<uint64_t>(now_ns - slot.intended_ns));
  }
  slot.is_busy = false;
  free_.push_back(&slot);
}

void Http2Generator::Lose(Connection& connection, uint64_t& counter) {
  ++counter;
  connection.fd.Reset();
}

void Http2Generator::MarkDirty(Connection& connection) {
  if (connection.is_dirty) return;
  connection.is_dirty = true;
  dirty_.push_back(&connection);
}

void Http2Generator::Flush() {
  for (Connection* const connection : dirty_) {
    connection->is_dirty = false;
    if (connection->fd.is_valid() && !connection->waits_to_write) Send(*connection);
  }
  dirty_.clear();
}

void Http2Generator::Send(Connection& connection) {
  std::string& output = connection.output;
  for (;;) {
    if (output.empty()) {
      output.resize(16 * 1024);
      output.resize(connection.session->Produce(output.data(), output.size(), *this));
      if (output.empty()) return;
    }
    const ssize_t size = send(connection.fd.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) {
      Lose(connection, results_.write_errors);
      return;
    }
    output.erase(0, static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (output.empty()) continue;
    WaitToWrite(connection, true);
    return;
  }
}

void Http2Generator::WaitToWrite(Connection& connection, bool waits) {
  connection.waits_to_write = waits;
  epoll_event event{.events = EPOLLIN | (waits ? EPOLLOUT : 0u), .data = {.ptr = &connection}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void Http2Generator::CountWhatIsLeft(int64_t now_ns) {
  for (const Slot& slot : slots_) {
    if (!slot.is_busy) continue;
    ++results_.unanswered;
    if (slot.intended_ns >= measured_from_ns_)
      results_.latency.Record(static_cast<uint64_t>(now_ns - slot.intended_ns));
  }
  CountUnsent(schedule_, now_ns, measured_from_ns_, results_);
}

}  // namespace sluice::bench
