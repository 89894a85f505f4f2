// A running worker between a client and a server that do not behave.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

// The worker's end of a client's connection, as the kernel tells it; empty once it is closed.
KernelConnection WorkersEnd(uint16_t client_port) {
  for (const KernelConnection& one : KernelConnections()) {
    if (one.remote.ends_with(absl::StrFormat(":%04X", client_port))) return one;
  }
  return {};
}

class WorkerExchangeTest : public testing::Test {
 protected:
  void Start(WorkerLimits limits = {}) {
    town_ = std::make_unique<WorkerTown>(limits);
    SLUICE_REQUIRE_RUNNING(*town_);
  }
  // One whole exchange; returns the server's end of the connection that is kept.
  Peer Exchange(Peer& client) {
    client.Send(kGet);
    Peer server = town_->Accept();
    EXPECT_TRUE(server.ReadHead().starts_with("GET /a"));
    server.Send(kOk);
    EXPECT_TRUE(client.ReadUntil("ok").ends_with("\r\n\r\nok"));
    return server;
  }
  // Of a client that is paused, because the server does not read what it sends.
  void ExpectItsResetEndsIt(Peer& client) {
    client.SendAsMuchAsIsTaken();
    client.Reset();
    EXPECT_TRUE(Eventually([&] { return town_->closed(CloseReason::kClientReset) == 1; }));
  }

  std::unique_ptr<WorkerTown> town_;
  std::unique_ptr<Peer> early_;
};

TEST_F(WorkerExchangeTest, ServesAKeptConnection) {
  Start();
  Peer client = town_->Connect();
  Peer server = Exchange(client);
  client.Send(kGet);
  server.ReadHead();
  server.Send(kOk);

  EXPECT_TRUE(client.ReadUntil("ok").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(town_->count(Counter::kPoolHits), 1u);
}

// All of it has come while the request before it is under way.
TEST_F(WorkerExchangeTest, AClientThatEndsInTheBodyOfAPipelinedRequestLosesItsConnection) {
  Start();
  Peer client = town_->Connect();
  client.Send(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  client.Send("POST /b HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
  client.FinishSending();
  town_->WhileHeld([] {});  // What came before this has been read.
  server.Send(kOk);

  EXPECT_TRUE(Eventually([&] { return town_->closed(CloseReason::kClientClosed) == 1; }));
}

TEST_F(WorkerExchangeTest, CountsItsSystemCalls) {
  Start();
  Peer client = town_->Connect();
  Peer server = Exchange(client);

  EXPECT_GT(town_->count(Counter::kEnters), 0u);
}

TEST_F(WorkerExchangeTest, BytesOnAnIdleUpstreamConnectionCloseIt) {
  Start();
  Peer client = town_->Connect();
  Peer server = Exchange(client);

  server.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kUpstreamActive) == 0; }));
  Peer next_server = Exchange(client);

  EXPECT_EQ(town_->count(Counter::kUnsolicited), 1u);
  EXPECT_EQ(town_->count(Counter::kPoolHits), 0u);
}

TEST_F(WorkerExchangeTest, BytesThatCameBeforeTheNextRequestAreNeverItsAnswer) {
  Start();
  Peer client = town_->Connect();
  Peer server = Exchange(client);

  // Both are there when the worker looks: the request first, so that it has taken the connection.
  town_->WhileHeld([&] {
    client.Send(kGet);
    server.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  });
  Peer next_server = town_->Accept();
  next_server.ReadHead();
  next_server.Send(kOk);

  EXPECT_TRUE(client.ReadUntil("ok").ends_with("\r\n\r\nok"));
  EXPECT_EQ(town_->count(Counter::kUnsolicited), 1u);
}

// The answer that is on the wire before the request is: the worker is held between the two.
TEST_F(WorkerExchangeTest, AnAnswerBeforeTheRequestIsRefused) {
  Start();
  // With the backlog full the kernel takes no connection, so that the dial waits for a second SYN.
  ::listen(town_->server_fd(), 0);
  Peer filler = town_->ConnectToServer();
  Peer client = town_->Connect();
  client.Send(kGet);
  ASSERT_TRUE(Eventually(IsDialWaiting));
  town_->WhileHeld([&] {
    Peer accepted_filler = town_->Accept();
    Peer server = town_->Accept();
    server.Send(kOk);
    early_ = std::make_unique<Peer>(std::move(server));
  });

  const std::string answer = client.ReadUntil(")\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 502")) << answer;
  EXPECT_NE(answer.find("early_answer"), std::string::npos) << answer;
}

TEST_F(WorkerExchangeTest, InterimAnswersWithoutEndAreRefused) {
  Start();
  Peer client = town_->Connect();
  client.Send(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  for (uint32_t i = 0; i < kInterimAnswersMax + 1; ++i) server.Send("HTTP/1.1 103 Hints\r\n\r\n");

  const std::string answer = client.ReadUntil(")\n");
  EXPECT_NE(answer.find("HTTP/1.1 502"), std::string::npos) << answer;
  EXPECT_EQ(town_->refused(CloseReason::kBadResponse), 1u);
}

TEST_F(WorkerExchangeTest, AsManyInterimAnswersAsAllowedAreForwarded) {
  Start();
  Peer client = town_->Connect();
  client.Send(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  for (uint32_t i = 0; i < kInterimAnswersMax; ++i) server.Send("HTTP/1.1 103 Hints\r\n\r\n");
  server.Send(kOk);

  const std::string answer = client.ReadUntil("ok");
  EXPECT_NE(answer.find("HTTP/1.1 200"), std::string::npos) << answer;
}

TEST_F(WorkerExchangeTest, AHalfClosedClientThatResetsFreesTheUpstreamAtOnce) {
  Start();
  Peer client = town_->Connect();
  client.Send(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  client.FinishSending();

  client.Reset();

  EXPECT_TRUE(Eventually([&] { return town_->closed(CloseReason::kClientReset) == 1; }));
  EXPECT_NE(server.ReadAll().find("reset"), std::string::npos);
  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kUpstreamActive) == 0; }));
}

TEST_F(WorkerExchangeTest, AHalfClosedRelayThatIsResetEndsAtOnce) {
  Start();
  town_->Dial("10.96.0.1:90");
  Peer client = town_->Connect();
  client.Send("hello\n");
  Peer server = town_->Accept();
  server.ReadUntil("\n");
  client.FinishSending();
  ASSERT_EQ(server.ReadAll(), "");

  client.Reset();

  EXPECT_TRUE(Eventually([&] { return town_->closed(CloseReason::kClientReset) == 1; }));
}

TEST_F(WorkerExchangeTest, ARelayWhoseServerDoesNotReadEndsWithItsClientsReset) {
  Start();
  town_->Dial("10.96.0.1:90");
  Peer client = town_->Connect();
  client.Send("hello\n");
  Peer server = town_->Accept();

  ExpectItsResetEndsIt(client);
  EXPECT_NE(server.ReadAll().find("reset"), std::string::npos);
}

TEST_F(WorkerExchangeTest, AnUploadWhoseServerDoesNotReadEndsWithItsClientsReset) {
  Start();
  Peer client = town_->Connect();
  client.Send("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000000\r\n\r\n");
  Peer server = town_->Accept();

  ExpectItsResetEndsIt(client);
  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kUpstreamActive) == 0; }));
}

TEST_F(WorkerExchangeTest, ATunnelWhoseServerDoesNotReadEndsWithItsClientsReset) {
  Start();
  Peer client = town_->Connect();
  client.Send("CONNECT t:80 HTTP/1.1\r\nHost: t:80\r\n\r\n");
  Peer server = town_->Accept();
  server.ReadHead();
  server.Send("HTTP/1.1 200 OK\r\n\r\n");
  client.ReadHead();

  ExpectItsResetEndsIt(client);
  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kUpstreamActive) == 0; }));
}

// RFC 9110 section 9.3.6: once either side has closed, what it said is passed on and both are
// closed. Only what was on its way to the other is delivered besides, as a half-closed server may
// read it.
TEST_F(WorkerExchangeTest, AServerThatHalfClosesATunnelEndsItAndNothingUnderWayIsLost) {
  Start();
  Peer client = town_->Connect();
  constexpr std::string_view kHead = "CONNECT t:80 HTTP/1.1\r\nHost: t:80\r\n\r\n";
  client.Send(kHead);
  Peer server = town_->Accept();
  server.ReadHead();
  server.Send("HTTP/1.1 200 OK\r\n\r\n");
  client.ReadHead();
  client.SendAsMuchAsIsTaken();
  const uint64_t taken = town_->count(Counter::kBytesFromClient) - kHead.size();

  server.Send("bye");
  server.FinishSending();

  EXPECT_EQ(client.ReadUntil("bye"), "bye");
  EXPECT_GE(server.CountToEnd(), taken);
  client.Close();
  EXPECT_TRUE(Eventually([&] { return town_->worker().session_count() == 0; }));
}

// It has closed, and its kernel answers the server's word with a reset: what it sent before its FIN
// is the server's all the same.
TEST_F(WorkerExchangeTest, WhatAPausedClientSentBeforeItClosedIsNotLostByAResetBehindIt) {
  Start();
  town_->Dial("10.96.0.1:90");
  Peer client = town_->Connect();
  client.Send("hello\n");
  Peer server = town_->Accept();
  server.ReadUntil("\n");
  const uint16_t port = client.port();
  const std::string part(32 * 1024, 'x');
  size_t sent = 0;
  do {
    ASSERT_TRUE(client.Send(part));
    sent += part.size();
    ASSERT_TRUE(Eventually([&] { return IsTakenOver(client.fd()); }));
    for (int turn = 0; turn < 2; ++turn) town_->WhileHeld([] {});
  } while (WorkersEnd(port).queues.ends_with(":00000000"));
  client.Close();
  ASSERT_TRUE(Eventually([&] { return WorkersEnd(port).state == "08"; }));  // TCP_CLOSE_WAIT

  server.Send("x");
  ASSERT_TRUE(Eventually([&] { return WorkersEnd(port).state.empty(); }));
  for (int turn = 0; turn < 2; ++turn) town_->WhileHeld([] {});  // The worker has seen the reset.

  EXPECT_EQ(server.CountToEnd(), sent);
}

TEST_F(WorkerExchangeTest, AHalfClosedClientStillGetsItsAnswer) {
  Start();
  Peer client = town_->Connect();
  client.Send(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  client.FinishSending();
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kRequests) == 1; }));
  server.Send(kOk);

  EXPECT_TRUE(client.ReadAll().ends_with("\r\n\r\nok"));
  EXPECT_TRUE(Eventually([&] { return town_->closed(CloseReason::kDone) == 1; }));
}

TEST_F(WorkerExchangeTest, TheHeadOfALaterRequestHasItsOwnTimeLimit) {
  Start({.request_head_timeout_ns = 100 * kMillisecond});
  Peer client = town_->Connect();
  Peer server = Exchange(client);

  client.Send("GET /b HTTP/1.1\r\nHo");

  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_EQ(town_->closed(CloseReason::kHeadTimeout), 1u);
}

TEST_F(WorkerExchangeTest, AnIdleConnectionOutlivesTheTimeLimitOfAHead) {
  Start({.request_head_timeout_ns = 50 * kMillisecond});
  Peer client = town_->Connect();
  Peer server = Exchange(client);
  Peer slow = town_->Connect();
  slow.Send("GET");
  ASSERT_EQ(slow.ReadAll(), "");  // Its limit began later than that of the other's first head.

  client.Send(kGet);
  server.ReadHead();
  server.Send(kOk);

  EXPECT_TRUE(client.ReadUntil("ok").ends_with("\r\n\r\nok"));
}

TEST_F(WorkerExchangeTest, AClientThatGoesWhileItsDialWaitsForASocketCancelsIt) {
  Start();
  town_->GiveNoSockets();
  Peer client = town_->Connect();
  client.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kDialSocketWaits) == 1; }));

  client.Reset();

  EXPECT_TRUE(Eventually([&] { return town_->closed(CloseReason::kClientReset) == 1; }));
  EXPECT_TRUE(Eventually([&] { return town_->worker().session_count() == 0; }));
  EXPECT_EQ(town_->count(Counter::kUpstreamActive), 0u);
}

TEST_F(WorkerExchangeTest, AClientThatGoesWhileItsDialConnectsCancelsIt) {
  Start();
  ::listen(town_->server_fd(), 0);
  Peer filler = town_->ConnectToServer();
  Peer client = town_->Connect();
  client.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kPoolMisses) == 1; }));

  client.Reset();

  EXPECT_TRUE(Eventually([&] { return town_->worker().session_count() == 0; }));
}

TEST_F(WorkerExchangeTest, WithoutDescriptorsToSpareAConnectionIsReset) {
  Start({.descriptors_max = 40, .descriptor_reserve = 40});
  Peer client = town_->Connect();

  EXPECT_NE(client.ReadAll().find("reset"), std::string::npos);
  EXPECT_EQ(town_->closed(CloseReason::kTooMany), 1u);
  EXPECT_EQ(town_->count(Counter::kAcceptErrors), 1u);
}

}  // namespace
}  // namespace sluice::proxy
