// A running worker under attack: what it holds stays in proportion, a flood ends its connection
// with a reason, and another client is served meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/http/h2_pair.h"
#include "tests/unit/proxy/worker_streams.h"

namespace sluice::proxy {
namespace {

using http::Frame;
using http::GetBlock;
using http::H2FrameType;
using http::H2Reason;
using http::HeadersFrame;
using http::Number;
using http::PostBlock;
using http::SettingsFrame;

constexpr http::H2Limits kLimits;
constexpr size_t kMib = 1024 * 1024;
// What one connection may make us hold beyond ten times what it sent: its open streams, their heads
// and what lies in queues of a turn.
constexpr size_t kHeldByConnection =
    kLimits.stream_count_max * kExchangeSize * 2 + kLimits.open_heads_size_max + kMib;

std::string Repeat(int count, const std::function<std::string(uint32_t)>& make) {
  std::string all;
  for (int i = 0; i < count; ++i) all += make(static_cast<uint32_t>(2 * i + 1));
  return all;
}

// Puts a field of nearly the table's size into it, and asks for it again and again.
std::string Bomb(int count, size_t repetitions) {
  std::string first = GetBlock() + "\x40\x01x";
  first += "\x7f\xbd\x1d" + std::string(3900, 'b');  // 127 + 61 + (29 << 7)
  const std::string again = PostBlock() + std::string(repetitions, '\xbe');
  return HeadersFrame(1, first) + Repeat(count, [&](uint32_t id) {
           return HeadersFrame(id + 2, again, http::kH2EndHeaders);
         });
}

struct Attack {
  std::string name;
  std::string bytes;
  H2Reason reason;
};

std::vector<Attack> Attacks() {
  const std::string head = HeadersFrame(1, PostBlock(), http::kH2EndHeaders);
  const auto many = [](int count, const std::string& frame) {
    return Repeat(count, [&](uint32_t) { return frame; });
  };
  return {
      {"RapidReset",
       Repeat(4000,
              [](uint32_t id) {
                return HeadersFrame(id, GetBlock()) +
                       Frame(H2FrameType::kRstStream, 0, id, Number(8));
              }),
       H2Reason::kResetFlood},
      {"Continuation",
       HeadersFrame(1, GetBlock(), 0) + many(100, Frame(H2FrameType::kContinuation, 0, 1, "\x88")),
       H2Reason::kContinuationFlood},
      {"HpackBomb", Bomb(3000, 100), H2Reason::kRefusalFlood},
      {"HpackBombsBelowTheLimit", Bomb(3000, 15), H2Reason::kRefusalFlood},
      {"Settings", many(200, SettingsFrame({{3, 100}})), H2Reason::kSettingsFlood},
      {"Ping", many(1000, Frame(H2FrameType::kPing, 0, 0, "12345678")), H2Reason::kPingFlood},
      {"EmptyData", head + many(1000, Frame(H2FrameType::kData, 0, 1, "")),
       H2Reason::kEmptyFrameFlood},
      {"WindowUpdates", head + many(9000, Frame(H2FrameType::kWindowUpdate, 0, 1, Number(1))),
       H2Reason::kWindowUpdateFlood},
      {"Priority", many(9000, Frame(H2FrameType::kPriority, 0, 1, std::string(5, '\1'))),
       H2Reason::kPriorityFlood},
      {"HalfOpenStreams",
       Repeat(4000, [](uint32_t id) { return HeadersFrame(id, PostBlock(), http::kH2EndHeaders); }),
       H2Reason::kRefusalFlood},
  };
}

class WorkerAbuseTest : public WorkerStreamsTest {
 protected:
  Peer ConnectAttacker() {
    Peer peer = town_->Connect();
    peer.Send(std::string(http::kH2Preface) + SettingsFrame() +
              Frame(H2FrameType::kSettings, http::kH2Ack, 0, ""));
    return peer;
  }
  size_t held() const { return town_->count(Counter::kBufferedBytes); }
  uint64_t faults(H2Reason reason) const {
    return town_->worker().counters().http2_faults(static_cast<size_t>(reason));
  }
  // One request of the client that behaves, on its connection.
  bool IsServed() {
    const uint32_t id = client_->Request(kGet);
    const bool is_answered = PumpUntil([&] {
      for (const auto& server : servers_) server->RespondToAll();
      const auto seen = client_->streams().find(id);
      return seen != client_->streams().end() && seen->second.is_ended;
    });
    return is_answered && client_->streams().at(id).status == 200;
  }
};

class WorkerFloodTest : public WorkerAbuseTest, public testing::WithParamInterface<Attack> {};

TEST_P(WorkerFloodTest, EndsWithItsReasonAndLeavesTheOthersAlone) {
  Start();
  Peer attacker = ConnectAttacker();
  const std::string& bytes = GetParam().bytes;
  size_t sent = 0;
  size_t held_most = 0;
  for (size_t part = bytes.size() / 20 + 1; sent < bytes.size(); sent += part) {
    if (!attacker.Send(std::string_view(bytes).substr(sent, part))) break;
    EXPECT_TRUE(IsServed());
    held_most = std::max(held_most, held());
  }

  EXPECT_TRUE(Eventually([&] { return faults(GetParam().reason) == 1; }));
  attacker.Close();
  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kActiveHttp2) == 1; }));
  EXPECT_LE(held_most, 10 * bytes.size() + kHeldByConnection);
  EXPECT_TRUE(IsServed());
  EXPECT_TRUE(Eventually([&] { return held() < kMib; })) << held();
}

INSTANTIATE_TEST_SUITE_P(Floods, WorkerFloodTest, testing::ValuesIn(Attacks()),
                         [](const auto& attack) { return attack.param.name; });

TEST_F(WorkerAbuseTest, ThousandsOfHalfOpenStreamsAreCounted) {
  Start();
  std::vector<Peer> attackers;
  size_t sent = 0;
  for (int i = 0; i < 5; ++i) {
    attackers.push_back(ConnectAttacker());
    const std::string heads = Repeat(
        1000, [](uint32_t id) { return HeadersFrame(id, PostBlock(), http::kH2EndHeaders); });
    ASSERT_TRUE(attackers.back().Send(heads));
    sent += heads.size();
  }
  ASSERT_TRUE(PumpUntil([&] { return CountRequests() == 5000; })) << CountRequests();

  EXPECT_GE(held(), 5000 * kExchangeSize);
  EXPECT_LE(held(), 10 * sent + 5 * kHeldByConnection);
  EXPECT_TRUE(IsServed());
}

TEST_F(WorkerAbuseTest, OpenStreamsBeyondTheBudgetCostTheirConnection) {
  Start({.buffered_bytes_max = 4 * kMib});
  std::vector<Peer> attackers;
  for (int i = 0; i < 5; ++i) {
    attackers.push_back(ConnectAttacker());
    attackers.back().Send(Repeat(
        1000, [](uint32_t id) { return HeadersFrame(id, PostBlock(), http::kH2EndHeaders); }));
  }

  EXPECT_TRUE(PumpUntil([&] { return town_->closed(CloseReason::kMemoryLimit) > 0; }));
  EXPECT_TRUE(PumpUntil([&] { return held() <= 4 * kMib; }));
  EXPECT_TRUE(IsServed());
}

TEST_F(WorkerAbuseTest, FramesOfOneByteAreHeldAsTheirBytes) {
  Start();
  constexpr size_t kCount = 60'000;   // Below the window of a stream.
  constexpr size_t kWindow = 65'535;  // Of a server's connection that is not read.
  Peer attacker = ConnectAttacker();
  std::string bytes;
  for (const uint32_t id : {1, 3, 5, 7}) {
    const std::string byte = Frame(H2FrameType::kData, 0, id, "x");
    bytes += HeadersFrame(id, PostBlock(), http::kH2EndHeaders);
    bytes += Repeat(kCount, [&](uint32_t) { return byte; });
  }
  ASSERT_TRUE(attacker.Send(bytes));
  // What waits for a worker's turn is held as frames.
  const auto is_taken = [&] { return town_->count(Counter::kBytesFromClient) > bytes.size(); };
  ASSERT_TRUE(Eventually([&] { return is_taken() && held() <= 5 * kCount; })) << held();

  EXPECT_GE(held(), 4 * kCount - kWindow);
  EXPECT_TRUE(PumpUntil(
      [&] { return CountRequests() == 4 && servers_[0]->streams().at(7).content_size == kCount; }));
}

TEST_F(WorkerAbuseTest, ReadersThatNeverOpenTheirWindowsStayBelowTheBudget) {
  constexpr size_t kMax = 8 * kMib;
  Start({.buffered_bytes_max = kMax});
  std::vector<Peer> attackers;
  for (int i = 0; i < 4; ++i) {
    attackers.push_back(ConnectAttacker());
    attackers.back().Send(SettingsFrame({{4, 0}}) +
                          Repeat(100, [](uint32_t id) { return HeadersFrame(id, GetBlock()); }));
  }
  ASSERT_TRUE(PumpUntil([&] { return CountRequests() == 400; })) << CountRequests();
  for (const auto& server : servers_) {
    for (const auto& stream : server->streams()) {
      server->Respond(stream.first, false);
      server->Offer(stream.first, kMib, true);
    }
  }
  size_t held_most = 0;
  PumpUntil([&] {
    held_most = std::max(held_most, held());
    return town_->closed(CloseReason::kMemoryLimit) > 0;
  });

  EXPECT_LE(held_most, kMax + 2 * kMib);
  EXPECT_TRUE(IsServed());
}

// Reads frames as they come and counts the bytes of DATA.
class ContentReader {
 public:
  size_t Read(const Peer& peer) {
    char input[64 * 1024];
    ssize_t size;
    while ((size = ::recv(peer.fd(), input, sizeof input, MSG_DONTWAIT)) > 0) {
      unread_.append(input, static_cast<size_t>(size));
    }
    size_t begin = 0;
    while (unread_.size() >= begin + http::kH2FrameHeaderSize) {
      const auto byte = [&](size_t at) { return static_cast<uint8_t>(unread_[begin + at]); };
      const size_t length = size_t{byte(0)} << 16 | size_t{byte(1)} << 8 | byte(2);
      if (unread_.size() < begin + http::kH2FrameHeaderSize + length) break;
      if (byte(3) == static_cast<uint8_t>(H2FrameType::kData)) content_size_ += length;
      begin += http::kH2FrameHeaderSize + length;
    }
    unread_.erase(0, begin);
    return content_size_;
  }

 private:
  std::string unread_;
  size_t content_size_ = 0;
};

struct Trickle {
  std::string name;
  uint32_t initial_window;       // Of a stream.
  size_t first_size;             // What may come before the first step.
  std::vector<uint32_t> opened;  // In each step, by one byte: streams, or 0, the connection.
};

class WorkerTrickleTest : public WorkerAbuseTest, public testing::WithParamInterface<Trickle> {
 protected:
  static constexpr int kStreams = 8;
  static constexpr size_t kContent = kMib;  // Of each answer.
};

TEST_P(WorkerTrickleTest, IsServedByteByByteAndHoldsUpNobody) {
  const Trickle& trickle = GetParam();
  Start();
  Peer attacker = ConnectAttacker();
  attacker.Send(SettingsFrame({{4, trickle.initial_window}}) +
                Repeat(kStreams, [](uint32_t id) { return HeadersFrame(id, GetBlock()); }));
  ASSERT_TRUE(PumpUntil([&] { return CountRequests() == kStreams; }));
  for (const auto& stream : servers_[0]->streams()) {
    servers_[0]->Respond(stream.first, false);
    servers_[0]->Offer(stream.first, kContent, true);
  }
  ContentReader reader;
  size_t allowed = trickle.first_size;
  size_t held_most = 0;
  std::string step;
  for (const uint32_t id : trickle.opened)
    step += Frame(H2FrameType::kWindowUpdate, 0, id, Number(1));
  const auto has_come = [&] {
    held_most = std::max(held_most, held());
    return reader.Read(attacker) >= allowed;
  };
  ASSERT_TRUE(PumpUntil(has_come));

  for (int i = 0; i < 400; ++i) {
    allowed += trickle.opened.size();
    ASSERT_TRUE(attacker.Send(step));
    ASSERT_TRUE(PumpUntil(has_come)) << i;
    if (i % 50 == 0) {
      EXPECT_TRUE(IsServed());
    }
  }

  EXPECT_EQ(reader.Read(attacker), allowed);
  EXPECT_LE(held_most, kStreams * 2 * kLaneQueueHigh + kMib);
  attacker.Close();
  EXPECT_TRUE(PumpUntil([&] { return held() < kMib; })) << held();
  EXPECT_TRUE(IsServed());
}

INSTANTIATE_TEST_SUITE_P(Windows, WorkerTrickleTest,
                         testing::Values(Trickle{"OfStreams", 0, 0, {1, 3, 5, 7, 9, 11, 13, 15}},
                                         Trickle{"OfTheConnection", 1 << 20, 65'535, {0}}),
                         [](const auto& trickle) { return trickle.param.name; });

// Each of them may hold little, since there are many; what the endpoint still has to say stays with
// it.
TEST_F(WorkerAbuseTest, StreamsWithoutAWindowShareWhatAConnectionMayHold) {
  constexpr int kStreams = 64;
  constexpr int kSteps = 10;
  Start();
  town_->Dial("10.96.0.1:80");
  Peer attacker = ConnectAttacker();
  attacker.Send(SettingsFrame({{4, 0}}) +
                Repeat(kStreams, [](uint32_t id) { return HeadersFrame(id, GetBlock()); }));
  std::vector<Peer> servers;
  for (int i = 0; i < kStreams; ++i) {
    servers.push_back(town_->Accept());
    ASSERT_NE(servers.back().ReadHead(), "");
    ASSERT_TRUE(servers.back().Send("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"));
  }
  const std::string part(kSendQueueLeast, 'x');
  for (int step = 0; step < kSteps; ++step) {
    for (Peer& server : servers) ASSERT_TRUE(server.Send(part));
    // Until all is read that is going to be.
    for (int turn = 0; turn < 4; ++turn) town_->WhileHeld([] {});
  }

  // Its share, what was read before it was full, and what came before the receive was cancelled.
  EXPECT_LE(held(), kStreams * 4 * kSendQueueLeast);
  EXPECT_TRUE(IsServed());
}

TEST_F(WorkerAbuseTest, HalfOpenRequestsOfHttp1AreHeldAsTheirBytes) {
  Start();
  town_->Dial("10.96.0.1:80");
  const std::string part = "GET /a HTTP/1.1\r\nHost: t\r\nX-A: " + std::string(200, 'a');
  std::vector<Peer> attackers;
  for (int i = 0; i < 2000; ++i) {
    attackers.push_back(town_->Connect());
    ASSERT_TRUE(attackers.back().Send(part));
  }
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kActiveHttp) == 2000; }));

  EXPECT_LE(held(), 10 * 2000 * part.size());
  EXPECT_TRUE(IsServed());
}

}  // namespace
}  // namespace sluice::proxy
