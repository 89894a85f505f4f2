// A running worker between an HTTP/2 client and an HTTP/2 server: many streams, and some that are
// not read.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/proxy/worker_streams.h"

namespace sluice::proxy {
namespace {

constexpr std::string_view kPost =
    "POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr size_t kMib = 1024 * 1024;

TEST_F(WorkerStreamsTest, AThousandStreamsOfOneConnectionAreAnswered) {
  Start();
  for (int i = 0; i < 1000; ++i) ASSERT_NE(client_->Request(kGet), 0u) << i;
  EXPECT_EQ(client_->Request(kGet), 0u);  // The limit told.
  ASSERT_TRUE(PumpUntil([&] { return CountRequests() == 1000; })) << CountRequests();

  for (const auto& server : servers_) {
    for (const auto& stream : server->streams()) server->Respond(stream.first, true);
  }

  EXPECT_TRUE(PumpUntil([&] { return client_->CountEnded() == 1000; })) << client_->CountEnded();
  for (const auto& [id, stream] : client_->streams()) EXPECT_EQ(stream.status, 200) << id;
}

// More of them than the window of the connection to the server has room for.
TEST_F(WorkerStreamsTest, AnswersThatTheClientDoesNotReadLeaveTheOthersMoving) {
  Start();
  for (int i = 0; i < 17; ++i) client_->Request(kGet);
  client_->Stall([](uint32_t stream) { return stream != 33; });
  ASSERT_TRUE(PumpUntil([&] { return CountRequests() == 17; }));

  for (const auto& stream : servers_[0]->streams()) {
    servers_[0]->Respond(stream.first, false);
    if (stream.first != 33) servers_[0]->Offer(stream.first, kMib, true);
  }
  ASSERT_TRUE(PumpUntil([&] { return town_->count(Counter::kBufferedBytes) > 2 * kMib; }));
  servers_[0]->Offer(33, 4 * kMib, true);

  EXPECT_TRUE(PumpUntil([&] { return client_->CountEnded() == 1; }));
  EXPECT_EQ(client_->streams().at(33).content_size, 4 * kMib);
}

// More of them than the window of the client's connection has room for.
TEST_F(WorkerStreamsTest, RequestsThatTheServerDoesNotReadLeaveTheOthersMoving) {
  Start();
  for (int i = 0; i < 41; ++i) client_->Request(kPost, false);
  ASSERT_TRUE(PumpUntil([&] { return CountRequests() == 41; }));
  servers_[0]->Stall([](uint32_t stream) { return stream != 81; });

  for (uint32_t stream = 1; stream < 81; stream += 2) client_->Offer(stream, kMib, true);
  ASSERT_TRUE(PumpUntil([&] { return town_->count(Counter::kBufferedBytes) > 2 * kMib; }));
  client_->Offer(81, 4 * kMib, true);

  EXPECT_TRUE(PumpUntil([&] { return servers_[0]->CountEnded() == 1; }));
  EXPECT_EQ(servers_[0]->streams().at(81).content_size, 4 * kMib);
}

}  // namespace
}  // namespace sluice::proxy
