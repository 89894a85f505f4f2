#include "bench/load/http2_generator.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <thread>

namespace sluice::bench {
namespace {

constexpr uint32_t kWindow = 64 * 1024;

// Answers requests of one connection until its end: /big with more than a window, all else with 2
// bytes.
class Server : private http::H2Source {
 public:
  Server() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_.get(), 1);
    socklen_t size = sizeof(address);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Server() { thread_.join(); }
  uint16_t port() const { return port_; }

 private:
  void Serve() {
    const base::UniqueFd fd(accept(listener_.get(), nullptr, nullptr));
    session_.Start(0);
    std::string bytes(kWindow, '\0');
    for (ssize_t size = 0; size >= 0;) {
      while (const size_t made = session_.Produce(bytes.data(), bytes.size(), *this)) {
        if (send(fd.get(), bytes.data(), made, MSG_NOSIGNAL) < 0) return;
      }
      size = recv(fd.get(), bytes.data(), bytes.size(), 0);
      if (size <= 0) return;
      std::string_view input(bytes.data(), static_cast<size_t>(size));
      for (auto event = session_.Next(&input, 0); event.kind != http::H2Event::Kind::kNone;
           event = session_.Next(&input, 0)) {
        if (event.kind == http::H2Event::Kind::kRequest) Answer(event.stream);
        if (event.kind == http::H2Event::Kind::kFailed) return;
      }
    }
  }
  void Answer(uint32_t stream) {
    http::ResponseHead head;
    head.status = 200;
    session_.SubmitResponse(stream, head, false);
    session_.Offer(stream, heads_.request.path == "/big" ? 4 * kWindow : 2, true);
  }
  void Read(uint32_t, uint64_t, char* out, size_t size) override { std::memset(out, 'x', size); }

  base::UniqueFd listener_;
  uint16_t port_ = 0;
  http::H2Limits limits_;
  http::H2HeadBuffer heads_;
  http::H2Session session_{http::H2Role::kServer, limits_, heads_};
  std::thread thread_;
};

LoadOptions OptionsFor(const Server& server) {
  return {.address = "127.0.0.1", .port = server.port(), .seconds = 0.1, .stream_count = 4};
}

TEST(Http2Generator, AsksAgainOnEveryStreamUntilTheEnd) {
  Server server;
  const Results results = Http2Generator(OptionsFor(server)).Run();

  EXPECT_GT(results.requests, 8u);
  EXPECT_GE(results.latency.total(), results.requests);  // Late answers count there too.
  EXPECT_EQ(results.errors(), 0u);
}

TEST(Http2Generator, AStalledStreamGetsItsWindowAndTheOthersGoOn) {
  Server server;
  LoadOptions options = OptionsFor(server);
  options.stalled_count = 1;
  options.stalled_path = "/big";
  const Results results = Http2Generator(options).Run();

  EXPECT_EQ(results.stalled_size, kWindow);
  EXPECT_GT(results.requests, 8u);
  EXPECT_EQ(results.errors(), 0u);
}

TEST(Http2Generator, AServerThatCannotBeReachedIsAnError) {
  const Results results =
      Http2Generator({.address = "127.0.0.1", .port = 1, .seconds = 0.1, .stream_count = 1}).Run();

  EXPECT_EQ(results.connect_errors, 1u);
}

}  // namespace
}  // namespace sluice::bench
