// Readers that stop reading, and what they hold of the receive buffers that all share.
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/proxy/http2_peer.h"
#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

constexpr size_t kReaders = 24;
constexpr size_t kKib = 1024;

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525u + 1013904223u;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

// As much of `text` as is taken before nothing is for a while.
size_t SendWhatIsTaken(const Peer& peer, std::string_view text) {
  size_t sent = 0;
  pollfd ready{.fd = peer.fd(), .events = POLLOUT, .revents = 0};
  while (sent < text.size() && ::poll(&ready, 1, 50) > 0) {
    const ssize_t size =
        ::send(peer.fd(), text.data() + sent, text.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) sent += static_cast<size_t>(size);
  }
  return sent;
}

std::string Read(const Peer& peer, size_t size) {
  std::string text(size, '\0');
  size_t read = 0;
  while (read < size) {
    const ssize_t part = ::recv(peer.fd(), text.data() + read, size - read, 0);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) break;
    read += static_cast<size_t>(part);
  }
  text.resize(read);
  return text;
}

class WorkerStalledTest : public testing::Test {
 protected:
  void Start(std::string_view dialled) {
    town_ = std::make_unique<WorkerTown>();
    SLUICE_REQUIRE_RUNNING(*town_);
    town_->Dial(dialled);
  }
  // One turn after the next.
  uint32_t BorrowedCount() {
    std::promise<uint32_t> count;
    town_->worker().Post([&] { count.set_value(town_->worker().segments().borrowed_count()); });
    return count.get_future().get();
  }
  bool LeavesHalf() {
    return Eventually([&] { return BorrowedCount() <= town_->worker().ring().buffer_count() / 2; });
  }

  std::unique_ptr<WorkerTown> town_;
};

TEST_F(WorkerStalledTest, RelaysLeaveHalfOfTheBuffersAndLoseNothing) {
  Start("10.96.0.1:90");
  const std::string pattern = Pattern(16 * kKib * kKib);
  std::vector<Peer> clients, servers;
  std::vector<size_t> sent;
  for (size_t i = 0; i < kReaders; ++i) {
    clients.push_back(town_->Connect());
    clients.back().Send("hello");
    servers.push_back(town_->Accept());
    sent.push_back(SendWhatIsTaken(servers.back(), pattern));
  }

  EXPECT_TRUE(LeavesHalf()) << BorrowedCount();
  for (size_t i = 0; i < kReaders; ++i) {
    const std::string read = Read(clients[i], sent[i]);
    EXPECT_EQ(read.size(), sent[i]) << i;
    EXPECT_TRUE(pattern.starts_with(read)) << i;
  }
  EXPECT_TRUE(Eventually([&] { return BorrowedCount() == 0; }));
}

// No send is ever tried for them: their clients open no window.
TEST_F(WorkerStalledTest, StreamsWithoutAWindowLeaveHalfOfTheBuffers) {
  Start("10.96.0.1:80");
  const std::string content = Pattern(24 * kKib);
  Http2Peer client(town_->Connect(), http::H2Role::kClient, {.stream_window = 0});
  std::vector<Peer> servers;
  for (size_t i = 0; i < kReaders; ++i) {
    client.Request(kGet);
    servers.push_back(town_->Accept());
    servers.back().ReadHead();
    servers.back().Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    ASSERT_NE(client.Await("response"), "");
    servers.back().Send(content);
  }

  EXPECT_TRUE(Eventually(
      [&] { return town_->count(Counter::kBytesToClient) >= kReaders * content.size(); }));
  EXPECT_TRUE(LeavesHalf()) << BorrowedCount();
}

// Whatever the socket has: what is taken from it can only be kept.
TEST_F(WorkerStalledTest, AnAnswerToAStreamWithoutAWindowIsLeftInTheSocket) {
  Start("10.96.0.1:80");
  Http2Peer client(town_->Connect(), http::H2Role::kClient, {.stream_window = 0});
  client.Request(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n" + Pattern(16 * kKib * kKib);
  SendWhatIsTaken(server, answer);

  ASSERT_NE(client.Await("response"), "");
  EXPECT_LE(town_->count(Counter::kBytesToClient),
            kSendQueueLeast + io::RingOptions().receive_buffer_size);
}

}  // namespace
}  // namespace sluice::proxy
