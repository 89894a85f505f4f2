#include "bench/load/generator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>

#include "bench/load/timing.h"
#include "userspace/base/text.h"

namespace sluice::bench {
namespace {

constexpr size_t kBufferSize = 256 * 1024;
constexpr size_t kEventsMax = 256;

std::string RequestText(const LoadOptions& options) {
  std::string text =
      base::Concat("GET ", options.path, " HTTP/1.1\r\nHost: ", options.address, "\r\n");
  for (const std::string& header : options.headers) text += header + "\r\n";
  if (options.is_new_connection_each) text += "Connection: close\r\n";
  return text + "\r\n";
}

}  // namespace

Generator::Generator(const LoadOptions& options)
    : options_(options),
      request_(RequestText(options)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(std::clamp(options.connection_count, 1u, kConnectionsMax)),
      buffer_(kBufferSize),
      events_(kEventsMax),
      schedule_(ScheduleOf(options)) {
  for (Connection& connection : connections_) free_.push_back(&connection);
}

Results Generator::Run() {
  schedule_ = ScheduleOf(options_);
  measured_from_ns_ = Now() + static_cast<int64_t>(options_.warm_up_s * 1e9);
  results_.seconds = options_.seconds;
  int64_t now_ns = Now();
  while (now_ns < schedule_.end_ns() && !HasFailed()) {
    is_measured_now_ = now_ns >= measured_from_ns_;
    IssueDue(now_ns);
    // With every connection busy nothing can be sent, whatever is due.
    Wait(free_.empty() ? schedule_.end_ns()
                       : std::min(schedule_.NextAt(Now()), schedule_.end_ns()));
    now_ns = Now();
  }
  is_measured_now_ = false;
  const int64_t drained_ns = schedule_.end_ns() + kDrainNs;
  while (now_ns < drained_ns && !HasFailed() &&
         std::ranges::any_of(connections_, [](const Connection& connection) {
           return connection.state == Connection::State::kBusy ||
                  connection.state == Connection::State::kConnecting;
         })) {
    Wait(drained_ns);
    now_ns = Now();
  }
  CountWhatIsLeft(now_ns);
  return results_;
}

uint32_t Generator::Hold(bool is_request_first) {
  options_.is_new_connection_each = false;
  uint32_t open_count = 0;
  for (Connection& connection : connections_) {
    if (!Open(connection)) continue;
    if (is_request_first) {
      Issue(connection, Now());
    } else {
      connection.state = Connection::State::kConnecting;
    }
    const int64_t deadline_ns = Now() + 5 * kSecondNs;
    const auto is_waiting = [&] {
      return connection.state == Connection::State::kBusy ||
             connection.state == Connection::State::kConnecting;
    };
    while (is_waiting() && Now() < deadline_ns) Wait(deadline_ns);
    open_count += connection.state == Connection::State::kIdle;
    if (HasFailed()) break;
  }
  return open_count;
}

void Generator::IssueDue(int64_t now_ns) {
  // At most one each: in a closed loop something is always due.
  for (size_t left = free_.size(); left > 0; --left) {
    const std::optional<int64_t> intended_ns = schedule_.Take(now_ns);
    if (!intended_ns) return;
    Connection& connection = *free_.front();
    free_.pop_front();
    Issue(connection, *intended_ns);
  }
}

void Generator::Issue(Connection& connection, int64_t intended_ns) {
  connection.intended_ns = intended_ns;
  connection.sent_size = 0;
  connection.reader.Reset();
  if (!connection.fd.is_valid() && !Open(connection)) {
    free_.push_back(&connection);
    return;
  }
  connection.state = Connection::State::kBusy;
  Send(connection);
}

bool Generator::Open(Connection& connection) {
  connection.fd.Reset(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in peer{.sin_family = AF_INET, .sin_port = htons(options_.port)};
  inet_pton(AF_INET, options_.address.c_str(), &peer.sin_addr);
  const int one = 1;
  setsockopt(connection.fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (!connection.fd.is_valid() ||
      (connect(connection.fd.get(), reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) != 0 &&
       errno != EINPROGRESS)) {
    ++results_.connect_errors;
    connection.fd.Reset();
    return false;
  }
  ++results_.connections;
  connection.waits_to_write = true;
  Watch(connection, EPOLL_CTL_ADD, true);
  return true;
}

void Generator::Send(Connection& connection) {
  if (connection.waits_to_write) return;
  const std::string_view rest = std::string_view(request_).substr(connection.sent_size);
  const ssize_t size = send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (size < 0 && errno != EAGAIN) {
    Fail(connection, results_.write_errors);
    return;
  }
  connection.sent_size += static_cast<size_t>(std::max<ssize_t>(size, 0));
  if (connection.sent_size < request_.size()) {
    connection.waits_to_write = true;
    Watch(connection, EPOLL_CTL_MOD, true);
  }
}

void Generator::Wait(int64_t until_ns) {
  const int64_t left_ns = std::max<int64_t>(until_ns - Now(), 0);
  const timespec timeout{.tv_sec = left_ns / kSecondNs, .tv_nsec = left_ns % kSecondNs};
  const int count = epoll_pwait2(epoll_.get(), events_.data(), kEventsMax, &timeout, nullptr);
  for (int index = 0; index < count; ++index) {
    const epoll_event& event = events_[static_cast<size_t>(index)];
    OnEvent(*static_cast<Connection*>(event.data.ptr), event.events);
  }
}

void Generator::OnEvent(Connection& connection, uint32_t events) {
  if (connection.waits_to_write && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(connection.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      Fail(connection, connection.sent_size == 0 ? results_.connect_errors : results_.write_errors);
      return;
    }
    connection.waits_to_write = false;
    Watch(connection, EPOLL_CTL_MOD, false);
    if (connection.state == Connection::State::kConnecting)
      connection.state = Connection::State::kIdle;
    if (connection.state == Connection::State::kBusy) Send(connection);
  }
  if (connection.fd.is_valid() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
    Receive(connection);
}

void Generator::Receive(Connection& connection) {
  const ssize_t size = recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (size < 0 && errno == EAGAIN) return;
  if (connection.state == Connection::State::kEnding) {
    if (size > 0) {
      ++results_.bad_answers;
    }
    Close(connection);
    free_.push_back(&connection);
    return;
  }
  if (size <= 0 || connection.state != Connection::State::kBusy) {
    // A server may close a connection that has nothing to do; everything else is an error.
    if (connection.state == Connection::State::kBusy || size < 0) {
      Fail(connection, results_.read_errors);
    } else {
      Close(connection);
    }
    return;
  }
  const auto available = static_cast<size_t>(size);
  if (is_measured_now_) results_.received_size += available;
  if (connection.reader.Feed({buffer_.data(), available}) < available) {
    Fail(connection, results_.bad_answers);
  } else if (connection.reader.state() == ResponseReader::State::kBad) {
    Fail(connection, results_.bad_answers);
  } else if (connection.reader.state() == ResponseReader::State::kComplete) {
    Finish(connection);
  }
}

void Generator::Finish(Connection& connection) {
  const int64_t now_ns = Now();
  const bool is_measured = connection.intended_ns >= measured_from_ns_;
  if (connection.reader.status() < 200 || connection.reader.status() > 299) {
    ++results_.non_2xx;
  } else if (is_measured) {
    // Throughput is what was answered in time; the latency of a late answer counts all the same.
    results_.requests += now_ns <= schedule_.end_ns();
    results_.latency.Record(static_cast<uint64_t>(now_ns - connection.intended_ns));
  }
  if (options_.is_new_connection_each) {
    // The server closes first, as a server does that was asked to, and keeps what the kernel
    // remembers of it.
    connection.state = Connection::State::kEnding;
    return;
  }
  if (connection.reader.is_last()) Close(connection);
  connection.state =
      connection.fd.is_valid() ? Connection::State::kIdle : Connection::State::kClosed;
  free_.push_back(&connection);
}

void Generator::Fail(Connection& connection, uint64_t& counter) {
  ++counter;
  Close(connection);
  free_.push_back(&connection);
}

void Generator::Close(Connection& connection) {
  connection.fd.Reset();
  connection.state = Connection::State::kClosed;
  connection.waits_to_write = false;
}

void Generator::Watch(Connection& connection, int operation, bool wants_write) {
  epoll_event event{.events = EPOLLIN | (wants_write ? EPOLLOUT : 0u),
                    .data = {.ptr = &connection}};
  epoll_ctl(epoll_.get(), operation, connection.fd.get(), &event);
}

void Generator::CountWhatIsLeft(int64_t now_ns) {
  for (const Connection& connection : connections_) {
    if (connection.state != Connection::State::kBusy) continue;
    ++results_.unanswered;
    if (connection.intended_ns >= measured_from_ns_) {
      results_.latency.Record(static_cast<uint64_t>(now_ns - connection.intended_ns));
    }
  }
  CountUnsent(schedule_, now_ns, measured_from_ns_, results_);
}

}  // namespace sluice::bench
