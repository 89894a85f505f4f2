#include "bench/server/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "bench/server/request.h"
#include "userspace/base/text.h"

namespace sluice::bench {
namespace {

constexpr int kBacklog = 4096;
constexpr size_t kReadSize = 64 * 1024;
constexpr size_t kEventsMax = 256;

base::UniqueFd Listen(uint16_t port) {
  base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int one = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    fd.Reset();
  }
  return fd;
}

}  // namespace

struct Server::Connection {
  base::UniqueFd fd;
  std::string input;  // What no complete head was in.
  uint64_t body_to_skip = 0;
  std::string head;      // Of the answer that is being sent.
  size_t sent_size = 0;  // Of head and body.
  size_t body_size = 0;
  bool is_last = false;
  bool is_sending = false;
  bool waits_to_write = false;
};

Server::Server(uint16_t port)
    : listener_(Listen(port)), epoll_(epoll_create1(EPOLL_CLOEXEC)), body_(kAnswerSizeMax, 'x') {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (listener_.is_valid()) epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event);
}

Server::~Server() = default;

void Server::Run() {
  std::array<epoll_event, kEventsMax> events;
  while (true) {
    const int count = epoll_wait(epoll_.get(), events.data(), kEventsMax, -1);
    for (int index = 0; index < count; ++index) {
      auto* const connection =
          static_cast<Connection*>(events[static_cast<size_t>(index)].data.ptr);
      if (connection == nullptr) {
        Accept();
      } else if (connection->is_sending) {
        if (Send(*connection)) Answer(*connection);
      } else {
        Receive(*connection);
      }
    }
  }
}

void Server::Accept() {
  while (true) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connections_.size() <= static_cast<size_t>(fd))
      connections_.resize(static_cast<size_t>(fd) + 1);
    auto& slot = connections_[static_cast<size_t>(fd)];
    slot = std::make_unique<Connection>();
    slot->fd.Reset(fd);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = slot.get()}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
}

void Server::Receive(Connection& connection) {
  static thread_local std::array<char, kReadSize> buffer;
  const ssize_t size = recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    Close(connection);
    return;
  }
  connection.input.append(buffer.data(), static_cast<size_t>(size));
  Answer(connection);
}

// Answers every complete request that has arrived, one after the other. The connection may be gone
// afterwards.
void Server::Answer(Connection& connection) {
  while (!connection.is_sending) {
    const size_t skipped = std::min<uint64_t>(connection.body_to_skip, connection.input.size());
    connection.input.erase(0, skipped);
    connection.body_to_skip -= skipped;
    if (connection.body_to_skip > 0 || connection.input.empty()) return;
    const Request request = ReadRequest(connection.input);
    if (request.kind == Request::Kind::kIncomplete) return;
    const bool is_good = request.kind == Request::Kind::kGood;
    connection.is_last = request.is_last || request.kind == Request::Kind::kBad;
    connection.input.erase(0, std::max<size_t>(request.head_size, 1));
    connection.body_to_skip = request.body_size;
    connection.body_size = is_good ? request.answer_size : 0;
    connection.sent_size = 0;
    const std::string_view status = is_good                                    ? "200 OK"
                                    : request.kind == Request::Kind::kNotFound ? "404 Not Found"
                                                                               : "400 Bad Request";
    connection.head = base::Concat(
        "HTTP/1.1 ", status, "\r\nServer: sluice-bench\r\nContent-Length: ", connection.body_size,
        connection.is_last ? "\r\nConnection: close" : "", "\r\n\r\n");
    connection.is_sending = true;
    if (!Send(connection)) return;
  }
}

// Whether the answer is out and the connection lives; waits for room by itself.
bool Server::Send(Connection& connection) {
  const size_t whole = connection.head.size() + connection.body_size;
  while (connection.sent_size < whole) {
    const size_t head_sent = std::min(connection.sent_size, connection.head.size());
    const size_t body_sent = connection.sent_size - head_sent;
    iovec parts[2] = {{connection.head.data() + head_sent, connection.head.size() - head_sent},
                      {body_.data() + body_sent, connection.body_size - body_sent}};
    const msghdr message{.msg_iov = parts, .msg_iovlen = 2};
    const ssize_t size = sendmsg(connection.fd.get(), &message, MSG_NOSIGNAL);
    if (size < 0 && errno == EAGAIN) {
      WatchFor(connection, EPOLLOUT);
      return false;
    }
    if (size < 0) {
      Close(connection);
      return false;
    }
    connection.sent_size += static_cast<size_t>(size);
  }
  if (connection.is_last) {
    Close(connection);
    return false;
  }
  connection.is_sending = false;
  if (connection.waits_to_write) WatchFor(connection, EPOLLIN);
  return true;
}

void Server::WatchFor(Connection& connection, uint32_t events) {
  connection.waits_to_write = events == EPOLLOUT;
  epoll_event event{.events = events, .data = {.ptr = &connection}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void Server::Close(Connection& connection) {
  connections_[static_cast<size_t>(connection.fd.get())].reset();
}

}  // namespace sluice::bench
