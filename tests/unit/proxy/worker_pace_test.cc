// A running worker whose client asks for many connections to an endpoint of HTTP/1.1 by streams of
// one connection: it makes them a few at a time, uses again what it has, and forgets nobody.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/proxy/turn_watch.h"
#include "tests/unit/proxy/worker_streams.h"

namespace sluice::proxy {
namespace {

constexpr uint32_t kBurst = 900;
constexpr std::string_view kCall =
    "POST /a HTTP/1.1\r\nHost: t\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
    "grpc-timeout: 1m\r\n\r\n";

class WorkerPaceTest : public WorkerStreamsTest {
 protected:
  void SetUp() override {
    Start();
    if (town_ == nullptr || !town_->is_running()) return;
    town_->Dial("10.96.0.1:80");
    client_ = std::make_unique<PumpedPeer>(town_->Connect(), http::H2Role::kClient);
    ASSERT_TRUE(Await([&] { return client_->session().has_peer_settings(); }));
    turns_before_ = town_->count(Counter::kTurns);
  }
  template <typename Condition>
  bool Await(Condition is_true) {
    return Eventually([&] {
      client_->Pump();
      return is_true();
    });
  }
  void SendBurst(uint32_t count = kBurst) {
    for (uint32_t i = 0; i < count; ++i) client_->Request(kGet);
    client_->Pump();
  }
  // Answers whatever comes, on as many connections as are made.
  bool AnswerAll(size_t count) {
    std::vector<Peer> servers;
    const auto has_input = [](int fd) {
      pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
      return ::poll(&ready, 1, 0) > 0;
    };
    return Await([&] {
      while (has_input(town_->server_fd())) servers.push_back(town_->Accept());
      for (Peer& server : servers) {
        if (has_input(server.fd()) && !server.ReadHead().empty()) server.Send(kOk);
      }
      return client_->CountEnded() == count;
    });
  }
  uint64_t dials() const { return town_->count(Counter::kPoolMisses); }
  uint64_t waits() const { return town_->count(Counter::kUpstreamWaits); }

  uint64_t turns_before_ = 0;
};

TEST_F(WorkerPaceTest, ConnectionsAreMadeAFewAtATime) {
  TurnWatch watch(*town_, Counter::kUpstreamActive);
  town_->WhileHeld([&] {
    watch.Start();
    SendBurst();
  });
  ASSERT_TRUE(Await([&] { return dials() == kBurst; })) << dials();

  EXPECT_LE(watch.Stop(), kPacedDialsAtOnce + kPacedDialsPerInterval);
  EXPECT_EQ(waits(), kBurst - kPacedDialsAtOnce);
}

TEST_F(WorkerPaceTest, AStreamThatIsResetWhileItWaitsCostsNoConnection) {
  town_->WhileHeld([&] {
    for (uint32_t i = 0; i < kBurst; ++i) {
      client_->session().Reset(client_->Request(kGet), http::H2Error::kCancel);
    }
    client_->Pump();
  });
  ASSERT_TRUE(Await([&] { return town_->count(Counter::kRequests) == kBurst; }));
  ASSERT_TRUE(Await([&] { return town_->count(Counter::kUpstreamActive) == 0; }));

  const uint64_t turns = town_->count(Counter::kTurns) - turns_before_;
  EXPECT_LE(dials(), kPacedDialsAtOnce + turns * kPacedDialsPerInterval);
}

TEST_F(WorkerPaceTest, AConnectionThatBecomesIdleIsGivenToWhoWaits) {
  constexpr int kAnswers = 5;
  town_->WhileHeld([&] { SendBurst(); });
  Peer server = town_->Accept();
  for (int i = 0; i < kAnswers; ++i) {
    ASSERT_EQ(server.ReadHead().substr(0, 6), "GET /a");
    ASSERT_TRUE(server.Send(kOk));
  }

  EXPECT_TRUE(Await([&] { return client_->CountEnded() == kAnswers; }));
  EXPECT_EQ(town_->count(Counter::kPoolHits), kAnswers);
}

TEST_F(WorkerPaceTest, AllAreAnsweredByFewerConnections) {
  SendBurst();
  EXPECT_TRUE(AnswerAll(kBurst)) << client_->CountEnded();
  EXPECT_LT(dials(), kBurst);
}

TEST_F(WorkerPaceTest, ThoseWhoWaitAreAnsweredInADrain) {
  town_->WhileHeld([&] { SendBurst(); });
  town_->worker().Post([&] { town_->worker().StartDrain(); });
  EXPECT_TRUE(AnswerAll(kBurst)) << client_->CountEnded();
  client_.reset();
  EXPECT_TRUE(Eventually([&] { return town_->worker().session_count() == 0; }));
}

TEST_F(WorkerPaceTest, ADeadlineHoldsForWhoWaits) {
  uint32_t call = 0;
  town_->WhileHeld([&] {
    SendBurst();
    call = client_->Request(kCall);
    client_->Pump();
  });
  ASSERT_TRUE(Await([&] { return client_->CountEnded() == 1; }));

  EXPECT_TRUE(client_->streams().at(call).is_ended);
  EXPECT_EQ(town_->refused(CloseReason::kRequestTimeout), 1u);
}

TEST_F(WorkerPaceTest, AClientThatGoesLeavesNobodyWaiting) {
  town_->WhileHeld([&] { SendBurst(); });
  ASSERT_TRUE(Eventually([&] { return waits() == kBurst - kPacedDialsAtOnce; }));
  client_.reset();

  EXPECT_TRUE(Eventually([&] { return town_->worker().session_count() == 0; }));
  EXPECT_LT(dials(), kBurst);
}

TEST_F(WorkerPaceTest, AnotherPodIsNotHeldUp) {
  town_->AddPod(2);
  town_->WhileHeld([&] { SendBurst(); });
  PumpedPeer other(town_->Connect(2), http::H2Role::kClient);
  other.Request(kGet);
  ASSERT_TRUE(Await([&] {
    other.Pump();
    return town_->count(Counter::kRequests) == kBurst + 1;
  }));
  EXPECT_EQ(waits(), kBurst - kPacedDialsAtOnce);
}

}  // namespace
}  // namespace sluice::proxy
