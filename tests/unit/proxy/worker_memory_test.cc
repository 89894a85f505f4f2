// What a running worker allocates for HTTP/2 connections that are idle and for streams that are
// open, counted by the allocator: the same on every machine.
#include <gtest/gtest.h>
#include <malloc.h>

#include <string>
#include <vector>

#include "tests/unit/http/h2_pair.h"
#include "tests/unit/proxy/worker_streams.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLUICE_ALLOCATES_OTHERWISE true
#else
#define SLUICE_ALLOCATES_OTHERWISE false
#endif

namespace sluice::proxy {
namespace {

using http::Frame;
using http::H2FrameType;
using http::HeadersFrame;
using http::SettingsFrame;

size_t AllocatedSize() {
  const struct mallinfo2 all = mallinfo2();
  return all.uordblks + all.hblkhd;
}

// As a client library writes them, with the dynamic table in use.
std::string TypicalBlock() {
  const auto field = [](std::string_view name, std::string_view value) {
    return std::string("\x40") + http::PlainString(name) + http::PlainString(value);
  };
  return std::string("\x82\x86\x84") + field(":authority", "web.shop.svc.cluster.local") +
         field("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101") +
         field("accept", "application/json, text/plain;q=0.9, */*;q=0.8") +
         field("accept-encoding", "gzip, deflate, br") +
         field("x-request-id", "8c0e3d3a-5a1c-4a35-9d7e-4be1a8c0f1d2");
}

// The head of stream 1, which is all of an answer; what came before it stays to be seen again.
bool HasAnswer(const Peer& client) {
  char input[1024];
  const ssize_t size = ::recv(client.fd(), input, sizeof input, MSG_DONTWAIT | MSG_PEEK);
  const std::string_view end("\x01\x05\0\0\0\x01", 6);
  return size > 0 &&
         std::string_view(input, static_cast<size_t>(size)).find(end) != std::string_view::npos;
}

class WorkerMemoryTest : public WorkerStreamsTest {
 protected:
  void SetUp() override {
    if (SLUICE_ALLOCATES_OTHERWISE) GTEST_SKIP() << "a sanitizer allocates on its own";
  }
  Peer ConnectRaw(const std::string& more) {
    Peer peer = town_->Connect();
    peer.Send(std::string(http::kH2Preface) + SettingsFrame() +
              Frame(H2FrameType::kSettings, http::kH2Ack, 0, "") + more);
    return peer;
  }
};

TEST_F(WorkerMemoryTest, AnIdleConnectionTakesAtMostFourKib) {
  constexpr size_t kCount = 2000;
  Start();
  std::vector<Peer> clients;
  clients.reserve(kCount);
  size_t answered_count = 0;
  const auto are_answered = [&] {
    for (const auto& server : servers_) server->RespondToAll();
    while (answered_count < clients.size() && HasAnswer(clients[answered_count])) ++answered_count;
    return answered_count == clients.size();
  };
  clients.push_back(ConnectRaw(HeadersFrame(1, TypicalBlock())));
  ASSERT_TRUE(PumpUntil(are_answered));
  const size_t before = AllocatedSize();
  while (clients.size() < kCount) {
    for (int i = 0; i < 50 && clients.size() < kCount; ++i) {
      clients.push_back(ConnectRaw(HeadersFrame(1, TypicalBlock())));
    }
    ASSERT_TRUE(PumpUntil(are_answered)) << answered_count;
  }
  const size_t seen_size = kCount * 96;  // Nodes of the test's own.
  const size_t per_connection = (AllocatedSize() - before - seen_size) / (kCount - 1);

  RecordProperty("bytes_per_idle_connection", static_cast<int>(per_connection));
  EXPECT_LE(per_connection, 4096u);
  std::printf("%zu bytes per idle connection\n", per_connection);
}

TEST_F(WorkerMemoryTest, AnOpenStreamTakesAtMostOneAndAHalfKib) {
  constexpr size_t kConnections = 10;
  constexpr size_t kStreams = 1000;
  Start();
  std::vector<Peer> clients;
  std::vector<Peer> servers;
  clients.reserve(kConnections);
  servers.reserve(kConnections * kStreams / kHttp2StreamsPerUpstreamMax);
  std::string requests;
  const std::string first = TypicalBlock();
  const std::string again = "\x82\x86\x84\xc2\xc1\xc0\xbf\xbe";
  for (uint32_t i = 0; i < kStreams; ++i) {
    requests += HeadersFrame(2 * i + 1, i == 0 ? first : again);
  }
  const size_t before = AllocatedSize();
  for (size_t i = 0; i < kConnections; ++i) clients.push_back(ConnectRaw(requests));
  while (servers.size() < servers.capacity()) {
    servers.push_back(town_->Accept());
    servers.back().Send(SettingsFrame() + Frame(H2FrameType::kSettings, http::kH2Ack, 0, ""));
  }
  ASSERT_TRUE(Eventually([&] {
    return town_->count(Counter::kBufferedBytes) >= kConnections * kStreams * kExchangeSize;
  }));
  const size_t per_stream = (AllocatedSize() - before) / (kConnections * kStreams);

  RecordProperty("bytes_per_open_stream", static_cast<int>(per_stream));
  EXPECT_LE(per_stream, 1536u);
  std::printf("%zu bytes per open stream\n", per_stream);
}

// A server of HTTP/1.1 takes one request on a connection, so each stream has one there.
TEST_F(WorkerMemoryTest, AnOpenStreamToHttp1TakesAtMostTwoAndAHalfKib) {
  constexpr size_t kStreams = 900;
  Start();
  town_->Dial("10.96.0.1:80");
  std::string requests;
  const std::string first = TypicalBlock();
  const std::string again = "\x82\x86\x84\xc2\xc1\xc0\xbf\xbe";
  for (uint32_t i = 0; i < kStreams; ++i) {
    requests += HeadersFrame(2 * i + 1, i == 0 ? first : again);
  }
  std::vector<Peer> servers;
  servers.reserve(kStreams);
  const size_t before = AllocatedSize();
  const Peer client = ConnectRaw(requests);
  while (servers.size() < kStreams) {
    servers.push_back(town_->Accept());
    ASSERT_FALSE(servers.back().ReadHead().empty());
  }
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kUpstreamActive) == kStreams; }));
  const size_t per_stream = (AllocatedSize() - before) / kStreams;

  RecordProperty("bytes_per_open_stream_to_http1", static_cast<int>(per_stream));
  EXPECT_LE(per_stream, 2560u);
  std::printf("%zu bytes per open stream to HTTP/1.1\n", per_stream);
}

}  // namespace
}  // namespace sluice::proxy
