// An HTTP/2 server and client around the codec, for tests against other implementations.
//
//   h2_peer serve          prints its port; ends when its input ends
//     GET /size/N          N bytes          POST /echo   the content comes back
//     GET /trailers        a trailer        GET /interim a 103 first
//   h2_peer fetch PORT PATH COUNT [SIZE]    COUNT requests at once, each with SIZE bytes of
//   content;
//                                           prints "STATUS BYTES" for each
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "userspace/base/check.h"
#include "userspace/base/clock.h"
#include "userspace/base/text.h"
#include "userspace/base/unique_fd.h"
#include "userspace/http/h2_session.h"

namespace sluice::http {
namespace {

constexpr size_t kBufferSize = 64 * 1024;
constexpr size_t kEchoHeldMax = 256 * 1024;

struct Exchange {
  uint64_t left = 0;    // Of generated content.
  std::string content;  // Of echoed content.
  uint64_t received = 0;
  int status = 0;
};

class Connection : public H2Source {
 public:
  Connection(H2Role role, base::UniqueFd fd, const H2Limits& limits, H2HeadBuffer& buffer)
      : session_(role, limits, buffer), fd_(std::move(fd)) {
    session_.Start(base::MonotonicNanos());
  }

  int fd() const { return fd_.get(); }
  short events() const {
    const bool has_output = !output_.empty() || session_.HasOutput();
    return static_cast<short>(POLLIN | (has_output ? POLLOUT : 0));
  }
  H2Session& session() { return session_; }
  std::map<uint32_t, Exchange>& exchanges() { return exchanges_; }

  // False: the connection is over.
  bool Receive() {
    char bytes[kBufferSize];
    const ssize_t size = ::recv(fd(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
    std::string_view rest(bytes, static_cast<size_t>(size));
    for (;;) {
      const H2Event event = session_.Next(&rest, base::MonotonicNanos());
      if (event.kind == H2Event::Kind::kNone) return true;
      if (event.kind == H2Event::Kind::kFailed) {
        std::fprintf(stderr, "failed: %s\n", std::string(H2ReasonName(event.reason)).c_str());
        Send();
        return false;
      }
      Handle(event);
    }
  }

  bool Send() {
    for (;;) {
      if (output_.empty()) {
        output_.resize(kBufferSize);
        output_.resize(session_.Produce(output_.data(), output_.size(), *this));
        if (output_.empty()) return true;
      }
      const ssize_t size =
          ::send(fd(), output_.data(), output_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size < 0) return errno == EAGAIN || errno == EINTR;
      output_.erase(0, static_cast<size_t>(size));
    }
  }

  void Read(uint32_t stream, uint64_t, char* out, size_t size) override {
    Exchange& exchange = exchanges_[stream];
    if (exchange.content.empty()) {
      SLUICE_CHECK(exchange.left >= size);
      std::memset(out, 'x', size);
      exchange.left -= size;
      return;
    }
    SLUICE_CHECK(exchange.content.size() >= size);
    exchange.content.copy(out, size);
    exchange.content.erase(0, size);
    session_.Consume(stream, static_cast<uint32_t>(size));  // An echo is consumed once it is sent.
  }

 protected:
  virtual void Handle(const H2Event& event) = 0;

  H2Session session_;
  std::map<uint32_t, Exchange> exchanges_;

 private:
  base::UniqueFd fd_;
  std::string output_;
};

ResponseHead ParseHead(const std::string& text) {
  ResponseHead head;
  SLUICE_CHECK(ParseResponseHead(text, 0, H1Limits{}, "GET", &head).status ==
               ParseStatus::kComplete);
  return head;
}

class ServerConnection : public Connection {
 public:
  using Connection::Connection;

 private:
  void Answer(uint32_t stream, const std::string& text, bool is_end) {
    SLUICE_CHECK(session_.SubmitResponse(stream, ParseHead(text), is_end));
  }

  void HandleRequest(const H2Event& event) {
    const RequestHead& head = session_.buffer().request;
    const bool is_head = head.method == "HEAD";
    Exchange& exchange = exchanges_[event.stream] = {};
    if (head.path.starts_with("/size/")) {
      exchange.left = std::strtoull(std::string(head.path.substr(6)).c_str(), nullptr, 10);
      const uint64_t size = exchange.left;
      Answer(
          event.stream,
          base::Concat("HTTP/1.1 200 OK\r\nServer: h2_peer\r\nContent-Length: ", size, "\r\n\r\n"),
          is_head || size == 0);
      if (!is_head && size > 0) session_.Offer(event.stream, size, true);
    } else if (head.path == "/echo") {
      Answer(event.stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
             event.is_end_stream);
    } else if (head.path == "/trailers") {
      Answer(event.stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false);
      const Header trailer = {.name = "x-trailer", .value = "behind"};
      session_.SubmitTrailers(event.stream, {&trailer, 1});
    } else if (head.path == "/interim") {
      Answer(event.stream, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", false);
      Answer(event.stream, "HTTP/1.1 204 No Content\r\n\r\n", true);
    } else {
      Answer(event.stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", true);
    }
  }

  void Handle(const H2Event& event) override {
    switch (event.kind) {
      case H2Event::Kind::kRequest:
        return HandleRequest(event);
      case H2Event::Kind::kData:
        exchanges_[event.stream].content.append(event.data);
        SLUICE_CHECK(exchanges_[event.stream].content.size() <= kEchoHeldMax);
        session_.Offer(event.stream, event.data.size(), event.is_end_stream);
        break;
      case H2Event::Kind::kTrailers:
        session_.Offer(event.stream, 0, true);
        break;
      case H2Event::Kind::kReset:
        std::fprintf(stderr, "reset %u: %s\n", event.stream,
                     std::string(H2ReasonName(event.reason)).c_str());
        exchanges_.erase(event.stream);
        break;
      case H2Event::Kind::kNone:
      case H2Event::Kind::kResponse:
      case H2Event::Kind::kGoaway:
      case H2Event::Kind::kFailed:
        break;
    }
  }
};

class ClientConnection : public Connection {
 public:
  using Connection::Connection;
  size_t finished() const { return finished_; }

 private:
  void Handle(const H2Event& event) override {
    Exchange& exchange = exchanges_[event.stream];
    if (event.kind == H2Event::Kind::kResponse) exchange.status = session_.buffer().response.status;
    if (event.kind == H2Event::Kind::kData) {
      exchange.received += event.data.size();
      session_.Consume(event.stream, static_cast<uint32_t>(event.data.size()));
    }
    if (event.kind == H2Event::Kind::kReset) exchange.status = -static_cast<int>(event.error);
    if (event.is_end_stream || event.kind == H2Event::Kind::kReset) ++finished_;
  }
  size_t finished_ = 0;
};

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int Serve() {
  base::UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  SLUICE_CHECK(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  SLUICE_CHECK(::listen(listener.get(), 128) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  const H2Limits limits;
  H2HeadBuffer buffer;
  std::list<ServerConnection> connections;
  for (;;) {
    std::vector<pollfd> polled = {{0, POLLIN, 0}, {listener.get(), POLLIN, 0}};
    for (const ServerConnection& c : connections) polled.push_back({c.fd(), c.events(), 0});
    ::poll(polled.data(), polled.size(), -1);
    if (polled[0].revents != 0) return 0;
    size_t i = 2;
    for (auto c = connections.begin(); c != connections.end() && i < polled.size(); ++i) {
      const short seen = polled[i].revents;
      const bool lives = (seen & (POLLIN | POLLHUP | POLLERR)) == 0 || c->Receive();
      c = lives && c->Send() ? std::next(c) : connections.erase(c);
    }
    if (polled[1].revents != 0) {
      base::UniqueFd fd(::accept(listener.get(), nullptr, nullptr));
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      connections.emplace_back(H2Role::kServer, std::move(fd), limits, buffer).Send();
    }
  }
}

int Fetch(uint16_t port, const std::string& path, size_t count, uint64_t size) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = Loopback(port);
  SLUICE_CHECK(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  const H2Limits limits;
  H2HeadBuffer buffer;
  ClientConnection connection(H2Role::kClient, std::move(fd), limits, buffer);
  const std::string text =
      base::Concat(size > 0 ? "POST " : "GET ", path, " HTTP/1.1\r\nHost: 127.0.0.1:", port,
                   "\r\nUser-Agent: h2_peer\r\n",
                   size > 0 ? base::Concat("Content-Length: ", size, "\r\n") : "", "\r\n");
  RequestHead head;
  SLUICE_CHECK(ParseRequestHead(text, 0, H1Limits{}, &head).status == ParseStatus::kComplete);
  size_t sent = 0;
  while (connection.finished() < count) {
    while (sent < count && connection.session().CanSubmitRequest()) {
      const uint32_t id = connection.session().SubmitRequest(head, {}, size == 0, 0);
      connection.exchanges()[id].left = size;
      if (size > 0) connection.session().Offer(id, size, true);
      ++sent;
    }
    if (!connection.Send()) return 1;
    pollfd polled = {connection.fd(), connection.events(), 0};
    ::poll(&polled, 1, -1);
    if ((polled.revents & ~POLLOUT) != 0 && !connection.Receive()) return 1;
  }
  for (const auto& [id, exchange] : connection.exchanges()) {
    if (id == 0) continue;
    std::printf("%d %llu\n", exchange.status, static_cast<unsigned long long>(exchange.received));
  }
  return 0;
}

}  // namespace
}  // namespace sluice::http

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (argc == 2 && words[1] == "serve") return sluice::http::Serve();
  if (argc >= 5 && words[1] == "fetch") {
    const uint64_t size = argc > 5 ? std::stoull(words[5]) : 0;
    return sluice::http::Fetch(static_cast<uint16_t>(std::stoi(words[2])), words[3],
                               std::stoul(words[4]), size);
  }
  std::fprintf(stderr, "usage: %s serve | fetch PORT PATH COUNT [SIZE]\n", argv[0]);
  return 2;
}
