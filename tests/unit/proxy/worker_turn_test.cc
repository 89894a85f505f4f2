// What a running worker does in one turn is bounded, whatever one read asks for: the rest comes in
// the next turns, nothing of it is lost, and others come in between. Counted, not timed.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/http/h2_pair.h"
#include "tests/unit/proxy/turn_watch.h"
#include "tests/unit/proxy/worker_streams.h"

namespace sluice::proxy {
namespace {

using http::Frame;
using http::H2FrameType;
using http::HeadersFrame;
using http::Number;
using http::SettingsFrame;

constexpr size_t kMib = 1024 * 1024;
// Of one connection: one share is for what comes anew, one for what was put back; a read ends
// behind its last step.
constexpr uint64_t kStepsMax = kTurnSteps + kTurnStepsLater + 2 * kTurnStepsLeast;
constexpr uint64_t kRequestsMax = kStepsMax / kStepsOfHead;
constexpr int kBurst = 900;  // Below every limit that ends the connection.

// GET or POST for / at the authority "a": six bytes.
std::string Get(uint32_t id, uint8_t flags = http::kH2EndStream | http::kH2EndHeaders) {
  return HeadersFrame(id,
                      "\x82\x86\x84\x01\x01"
                      "a",
                      flags);
}
std::string Post(uint32_t id) {
  return HeadersFrame(id,
                      "\x83\x86\x84\x01\x01"
                      "a",
                      http::kH2EndHeaders);
}
std::string Repeat(int count, const std::function<std::string(uint32_t)>& make) {
  std::string all;
  for (int i = 0; i < count; ++i) all += make(static_cast<uint32_t>(2 * i + 1));
  return all;
}

class WorkerTurnTest : public WorkerStreamsTest {
 protected:
  Peer ConnectHttp2() {
    const uint64_t count = town_->count(Counter::kActiveHttp2) + 1;
    Peer peer = town_->Connect();
    EXPECT_TRUE(peer.Send(std::string(http::kH2Preface) + SettingsFrame() +
                          Frame(H2FrameType::kSettings, http::kH2Ack, 0, "")));
    EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kActiveHttp2) == count; }));
    return peer;
  }
  // Has sent the first `kBegun` bytes of a request.
  static constexpr size_t kBegun = 10;
  Peer ConnectHttp1(std::string_view request) {
    const uint64_t count = town_->count(Counter::kActiveHttp) + 1;
    Peer peer = town_->Connect();
    EXPECT_TRUE(peer.Send(request.substr(0, kBegun)));
    EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kActiveHttp) == count; }));
    return peer;
  }
  size_t held() const { return town_->count(Counter::kBufferedBytes); }
  void AnswerAll() {
    for (const auto& server : servers_) server->RespondToAll();
  }
  bool HasPutOff() const { return town_->count(Counter::kPutOff) > 0; }
};

struct Burst {
  std::string name;
  std::string bytes;
  Counter counter;
  uint64_t count;  // What the counter says in the end.
  uint64_t most;   // In one turn.
};

std::vector<Burst> Bursts() {
  constexpr int kPieces = 6000;
  const std::string piece = Frame(H2FrameType::kData, 0, 1, "x");
  return {
      {"Requests", Repeat(kBurst, [](uint32_t id) { return Get(id); }), Counter::kRequests, kBurst,
       kRequestsMax},
      {"HalfOpen", Repeat(kBurst, Post), Counter::kRequests, kBurst, kRequestsMax},
      {"RapidReset",
       Repeat(
           kBurst,
           [](uint32_t id) { return Get(id) + Frame(H2FrameType::kRstStream, 0, id, Number(8)); }),
       Counter::kRequests, kBurst, kRequestsMax / 2},
      {"OneByteFrames", Post(1) + Repeat(kPieces, [&](uint32_t) { return piece; }),
       Counter::kBytesFromClient, Post(1).size() + kPieces * piece.size(),
       kStepsMax * piece.size()},
  };
}

class WorkerBurstTest : public WorkerTurnTest, public testing::WithParamInterface<Burst> {};

TEST_P(WorkerBurstTest, IsDealtWithInParts) {
  const Burst& burst = GetParam();
  Start();
  Peer attacker = ConnectHttp2();
  uint64_t before = 0;
  TurnWatch watch(*town_, burst.counter);
  town_->WhileHeld([&] {
    before = town_->count(burst.counter);
    watch.Start();
    ASSERT_TRUE(attacker.Send(burst.bytes));
  });
  ASSERT_TRUE(PumpUntil([&] { return town_->count(burst.counter) >= before + burst.count; }))
      << town_->count(burst.counter);

  EXPECT_LE(watch.Stop(), burst.most);
  EXPECT_EQ(town_->count(burst.counter), before + burst.count);
  EXPECT_TRUE(HasPutOff());
}

INSTANTIATE_TEST_SUITE_P(Bursts, WorkerBurstTest, testing::ValuesIn(Bursts()),
                         [](const auto& burst) { return burst.param.name; });

TEST_F(WorkerTurnTest, ARequestThatCameWithABurstGoesAheadOfItsRest) {
  Start();
  Peer attacker = ConnectHttp2();
  Peer other = ConnectHttp2();
  town_->WhileHeld([&] {
    ASSERT_TRUE(attacker.Send(Repeat(kBurst, Post)));
    ASSERT_TRUE(other.Send(Get(1)));
  });
  ASSERT_TRUE(PumpUntil([&] { return CountRequests() == kBurst + 1; })) << CountRequests();

  // The endpoint's connections take a hundred requests each, in the order in which they came.
  size_t ahead = 0;
  for (const auto& server : servers_) {
    if (server->CountEnded() == 1) break;  // That of the other: those of the burst are open.
    ahead += server->streams().size();
  }
  EXPECT_LE(ahead, kTurnSteps / kStepsOfHead);
}

TEST_F(WorkerTurnTest, ABurstsRequestsAreAllAnsweredThoughTheEndCameWithThem) {
  Start();
  town_->WhileHeld([&] {
    for (int i = 0; i < kBurst; ++i) client_->Request(kGet);
    client_->Pump();
    client_->FinishSending();
  });

  EXPECT_TRUE(PumpUntil([&] {
    AnswerAll();
    return client_->CountEnded() == kBurst;
  })) << client_->CountEnded();
  EXPECT_TRUE(HasPutOff());
  EXPECT_TRUE(PumpUntil([&] { return town_->count(Counter::kActiveHttp2) == 0; }));
  EXPECT_EQ(town_->closed(CloseReason::kDone), 1u);
}

TEST_F(WorkerTurnTest, WhoIsResetWithABurstLeavesNothing) {
  Start();
  Peer attacker = ConnectHttp2();
  town_->WhileHeld([&] {
    ASSERT_TRUE(attacker.Send(Repeat(kBurst, Post)));
    attacker.Reset();
  });

  EXPECT_TRUE(PumpUntil([&] { return town_->count(Counter::kActiveHttp2) == 1; }));
  EXPECT_TRUE(PumpUntil([&] { return held() < kMib / 8; })) << held();
}

TEST_F(WorkerTurnTest, EveryBurstGetsOn) {
  constexpr int kAttackers = 20;
  Start();
  std::vector<Peer> attackers;
  for (int i = 0; i < kAttackers; ++i) attackers.push_back(ConnectHttp2());
  TurnWatch watch(*town_, Counter::kRequests);
  town_->WhileHeld([&] {
    watch.Start();
    for (Peer& attacker : attackers) ASSERT_TRUE(attacker.Send(Repeat(kBurst / 3, Post)));
  });

  EXPECT_TRUE(PumpUntil([&] { return CountRequests() == kAttackers * kBurst / 3; }));
  // Each read has its least part in any case, and the next turn's first may fall between two looks.
  EXPECT_LE(watch.Stop(), kRequestsMax * 3 / 2 + kAttackers * kTurnStepsLeast / kStepsOfHead);
}

// What a client leaves behind costs more than its going.
TEST_F(WorkerTurnTest, ConnectionsToEndpointsAreClosedInParts) {
  constexpr int kCount = 900;
  Start();
  town_->Dial("10.96.0.1:80");
  Peer attacker = ConnectHttp2();
  ASSERT_TRUE(attacker.Send(Repeat(kCount, Post)));
  std::vector<Peer> accepted;
  for (int i = 0; i < kCount; ++i) accepted.push_back(town_->Accept());
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kUpstreamActive) == kCount; }));
  TurnWatch watch(*town_, Counter::kUpstreamActive);
  town_->WhileHeld([&] {
    watch.Start();
    attacker.Reset();
  });

  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kUpstreamActive) == 0; }));
  EXPECT_LE(watch.Stop(), 2 * kTurnSteps / kStepsOfClose);
  EXPECT_TRUE(HasPutOff());
  EXPECT_TRUE(Eventually([&] { return town_->worker().session_count() == 1; }));
}

// Port 81 has no endpoint, so the worker answers by itself.
TEST_F(WorkerTurnTest, PipelinedRequestsAreAnsweredInPartsAndInFull) {
  constexpr int kCount = 2000;
  Start();
  town_->Dial("10.96.0.1:81");
  Peer client = ConnectHttp1(kGet);
  std::string requests;
  for (int i = 0; i < kCount; ++i) requests += kGet;
  TurnWatch watch(*town_, Counter::kRequests);
  town_->WhileHeld([&] {
    watch.Start();
    ASSERT_TRUE(client.Send(requests.substr(kBegun)));
    client.FinishSending();
  });

  const std::string answers = client.ReadAll();
  int count = 0;
  for (size_t at = answers.find("HTTP/1.1 503"); at != std::string::npos;
       at = answers.find("HTTP/1.1 503", at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, kCount);
  EXPECT_FALSE(answers.ends_with("reset"));
  EXPECT_LE(watch.Stop(), kRequestsMax);
  EXPECT_TRUE(HasPutOff());
}

TEST_F(WorkerTurnTest, ChunksOfOneByteArePassedOnInParts) {
  constexpr int kCount = 8000;
  Start();
  std::string request = "POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < kCount; ++i) request += "1\r\nx\r\n";
  request += "0\r\n\r\n";
  Peer client = ConnectHttp1(request);
  town_->WhileHeld([&] { ASSERT_TRUE(client.Send(request.substr(kBegun))); });

  EXPECT_TRUE(PumpUntil([&] { return !servers_.empty() && servers_[0]->CountEnded() == 1; }));
  EXPECT_EQ(servers_[0]->streams().at(1).content_size, kCount);
  EXPECT_TRUE(HasPutOff());
}

}  // namespace
}  // namespace sluice::proxy
