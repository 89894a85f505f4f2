#include "userspace/telemetry/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "userspace/base/errors.h"

namespace sluice::telemetry {
namespace {

constexpr uint64_t kListenerId = 0;  // Exchanges count from 1.
constexpr int kAcceptsPerTurnMax = 64;

bool Watch(int epoll_fd, int operation, int fd, uint32_t events, uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return epoll_ctl(epoll_fd, operation, fd, &event) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Create(uint16_t port, Handler handler) {
  const std::string doing = absl::StrCat("listen on 127.0.0.1:", port);
  base::UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.is_valid()) return base::ErrnoStatus(errno, doing);
  const int one = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(listener.get(), 64) != 0) {
    const int error = errno;
    return base::Wrap(base::ErrnoStatus(error, doing),
                      error == EADDRINUSE
                          ? "another program has the port; end it or choose another by flag"
                          : "operators' endpoint");
  }
  if (getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return base::ErrnoStatus(errno, doing);
  }
  base::UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_valid()) return base::ErrnoStatus(errno, "epoll_create1");
  if (!Watch(epoll.get(), EPOLL_CTL_ADD, listener.get(), EPOLLIN, kListenerId)) {
    return base::ErrnoStatus(errno, "epoll_ctl");
  }
  return absl::WrapUnique(new HttpServer(std::move(listener), std::move(epoll),
                                         ntohs(address.sin_port), std::move(handler)));
}

HttpServer::HttpServer(base::UniqueFd listener, base::UniqueFd epoll, uint16_t port,
                       Handler handler)
    : listener_(std::move(listener)),
      epoll_(std::move(epoll)),
      port_(port),
      handler_(std::move(handler)) {}

void HttpServer::Turn(absl::Time now) {
  std::array<epoll_event, kConnectionsMax + 1> events;
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const uint64_t id = events[static_cast<size_t>(i)].data.u64;
    if (id == kListenerId) {
      AcceptReady(now);
      continue;
    }
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end()) continue;
    if (!found->second.to_send.empty()) {
      Write(id);
    } else {
      Read(id);
    }
  }
  std::erase_if(exchanges_, [now](const auto& entry) { return entry.second.deadline <= now; });
}

void HttpServer::AcceptReady(absl::Time now) {
  for (int i = 0; i < kAcceptsPerTurnMax; ++i) {
    base::UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.is_valid()) return;
    // Whoever holds connections open without asking must not lock the operator out.
    if (exchanges_.size() == kConnectionsMax) exchanges_.erase(exchanges_.begin());
    const ExchangeId id = ++last_id_;
    if (!Watch(epoll_.get(), EPOLL_CTL_ADD, fd.get(), EPOLLIN, id)) continue;
    Exchange& exchange = exchanges_[id];
    exchange.fd = std::move(fd);
    exchange.deadline = now + kExchangeTimeout;
  }
}

void HttpServer::Read(ExchangeId id) {
  Exchange& exchange = exchanges_.at(id);
  std::array<char, kRequestSizeMax> buffer;
  const ssize_t size = recv(exchange.fd.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size == 0 && exchange.is_asked) {
    // Half closed by a client that still waits for the answer: only errors are watched from here.
    Watch(epoll_.get(), EPOLL_CTL_MOD, exchange.fd.get(), 0, id);
    return;
  }
  if (size <= 0) {
    exchanges_.erase(id);
    return;
  }
  if (exchange.is_asked) return;  // Bytes after the request are not ours to read.
  exchange.received.append(buffer.data(), static_cast<size_t>(size));
  const ParsedRequest parsed = ParseGetRequest(exchange.received);
  if (parsed.state == ParsedRequest::State::kNeedMore) return;
  exchange.is_asked = true;
  exchange.is_head_only = parsed.is_head_only;
  if (parsed.state == ParsedRequest::State::kRefused) {
    Start(id, exchange, parsed.refusal);
    return;
  }
  handler_(id, parsed.path);
}

void HttpServer::Respond(ExchangeId id, const HttpResponse& response) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end() || !found->second.to_send.empty()) return;
  Start(id, found->second, response);
}

void HttpServer::Start(ExchangeId id, Exchange& exchange, const HttpResponse& response) {
  exchange.to_send = FormatResponse(response, exchange.is_head_only);
  Write(id);
}

void HttpServer::Write(ExchangeId id) {
  Exchange& exchange = exchanges_.at(id);
  while (exchange.sent_size < exchange.to_send.size()) {
    const ssize_t size = send(exchange.fd.get(), exchange.to_send.data() + exchange.sent_size,
                              exchange.to_send.size() - exchange.sent_size, MSG_NOSIGNAL);
    if (size > 0) {
      exchange.sent_size += static_cast<size_t>(size);
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) {
      Watch(epoll_.get(), EPOLL_CTL_MOD, exchange.fd.get(), EPOLLOUT, id);
      return;
    }
    break;
  }
  shutdown(exchange.fd.get(), SHUT_WR);
  exchanges_.erase(id);
}

}  // namespace sluice::telemetry
