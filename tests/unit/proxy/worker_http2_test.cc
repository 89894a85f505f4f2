// A running worker between clients and servers of which one or both speak HTTP/2.
#include <gtest/gtest.h>

#include <cstdlib>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/proxy/http2_peer.h"
#include "tests/unit/proxy/worker_town.h"
#include "userspace/http/websocket.h"

namespace sluice::proxy {
namespace {

using http::H2Role;

constexpr size_t kKib = 1024;
constexpr std::string_view kHttp1Port = "10.96.0.1:80";
constexpr std::string_view kHttp2Port = "10.96.0.1:50";
constexpr std::string_view kChat = "GET /chat HTTP/1.1\r\nHost: t\r\n\r\n";

class WorkerHttp2Test : public testing::Test {
 protected:
  void Start(std::string_view dialled, WorkerLimits limits = {}) {
    town_ = std::make_unique<WorkerTown>(limits);
    SLUICE_REQUIRE_RUNNING(*town_);
    town_->Dial(dialled);
  }
  Http2Peer Client(const http::H2Limits& limits = {}) {
    return Http2Peer(town_->Connect(), H2Role::kClient, limits);
  }
  // The server of HTTP/1.1 that it reaches agrees.
  static void Switch(Peer& server, std::string_view head) {
    constexpr std::string_view kKey = "sec-websocket-key: ";
    const std::string_view key = head.substr(head.find(kKey) + kKey.size());
    server.Send(base::Concat(
        "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ",
        http::WebSocketAccept(key.substr(0, key.find('\r'))), "\r\n\r\n"));
  }
  Http2Peer Server() { return Http2Peer(town_->Accept(), H2Role::kServer); }
  // A client that has asked for a WebSocket, and knows that it may.
  Http2Peer ClientThatAsksForATunnel() {
    Http2Peer client = Client();
    while (!client.session().peer_allows_connect_protocol()) client.AwaitMore();
    client.Request(kChat, false, {.protocol = "websocket"});
    return client;
  }
  // Dials wait until the test has accepted this one.
  Peer FillBacklog() {
    ::listen(town_->server_fd(), 0);
    return town_->ConnectToServer();
  }
  bool HasReceived(size_t size) {
    return Eventually([&] { return town_->count(Counter::kBytesFromClient) >= size; });
  }

  std::unique_ptr<WorkerTown> town_;
};

// --- Tunnels.

TEST_F(WorkerHttp2Test, WhatComesBehindAnUpgradeIsNotForwardedBeforeTheServerAgrees) {
  Start(kHttp1Port);
  Http2Peer client = ClientThatAsksForATunnel();
  Peer server = town_->Accept();
  server.ReadHead();
  const uint64_t before = town_->count(Counter::kBytesFromClient);
  client.Offer(1, "GET /evil HTTP/1.1\r\nHost: t\r\n\r\n", false);
  ASSERT_TRUE(HasReceived(before + 30));

  server.Send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.Await("response 1"), "response 1 403 end");
  client.Request(kGet);

  EXPECT_TRUE(server.ReadHead().starts_with("GET /a"));
}

TEST_F(WorkerHttp2Test, WhatComesBehindAnUpgradeReachesTheServerOnceItAgrees) {
  Start(kHttp1Port);
  Http2Peer client = ClientThatAsksForATunnel();
  Peer server = town_->Accept();
  const std::string head = server.ReadHead();
  client.Offer(1, "early", true);
  Switch(server, head);

  EXPECT_EQ(client.Await("response 1"), "response 1 200");
  EXPECT_EQ(server.ReadAll(), "early");
  server.Send("late");
  EXPECT_EQ(client.Await("data 1"), "data 1 late");
}

TEST_F(WorkerHttp2Test, TheEndOfAClientThatWaitsForATunnelReachesTheServer) {
  Start(kHttp1Port);
  Http2Peer client = ClientThatAsksForATunnel();
  Peer server = town_->Accept();
  const std::string head = server.ReadHead();
  client.peer().FinishSending();
  ASSERT_NE(client.Await("goaway"), "");  // The proxy has seen it.
  Switch(server, head);

  EXPECT_EQ(server.ReadAll(), "");
}

TEST_F(WorkerHttp2Test, AClientOfHttp11GetsATunnelThroughAnEndpointOfHttp2) {
  Start(kHttp2Port);
  Peer client = town_->Connect();
  client.Send("CONNECT t:1 HTTP/1.1\r\nHost: t:1\r\n\r\nearly");
  Http2Peer server = Server();
  EXPECT_EQ(server.Await("request 1"), "request 1 CONNECT t:1");
  server.session().SubmitResponse(1, http::ParseResponse("HTTP/1.1 200 OK\r\n\r\n"), false);
  server.Offer(1, "hello", false);

  EXPECT_TRUE(client.ReadUntil("hello").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(server.Await("data 1"), "data 1 early");
}

TEST_F(WorkerHttp2Test, AStreamWhoseTunnelIsDeclinedIsOver) {
  Start(kHttp1Port);
  Http2Peer client = ClientThatAsksForATunnel();
  Peer server = town_->Accept();
  server.ReadHead();
  server.Send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");

  EXPECT_EQ(client.Await("reset 1"), "reset 1 0 none");
}

TEST_F(WorkerHttp2Test, AnEndpointOfHttp2CannotSwitchProtocols) {
  Start(kHttp2Port);
  Peer client = town_->Connect();
  client.Send(kGet);
  Http2Peer server = Server();
  server.Await("request 1");
  http::ResponseHead head;
  head.status = 101;
  server.session().SubmitResponse(1, head, false);
  server.Flush();

  const std::string answer = client.ReadUntil(")\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 502")) << answer;
}

// --- Windows and memory.

TEST_F(WorkerHttp2Test, UploadsThatHaveToWaitDoNotStopTheNext) {
  Start(kHttp1Port);
  town_->GiveNoSockets();
  Http2Peer client = Client();
  while (!client.session().has_peer_settings()) client.AwaitMore();
  const std::string content(60 * kKib, 'x');
  uint32_t last = 0;
  for (int i = 0; i < 30; ++i) {
    last = client.Request("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 61440\r\n\r\n", false);
    client.Offer(last, content, true);
  }

  EXPECT_TRUE(client.IsTaken(last));
}

TEST_F(WorkerHttp2Test, AnswersThatNobodyReadsDoNotStopTheNext) {
  Start(kHttp2Port);
  std::vector<Peer> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(town_->Connect());
    clients.back().Send(kGet);
  }
  Http2Peer server = Server();
  for (int i = 0; i < 8; ++i) ASSERT_NE(server.Await("request"), "");
  const std::string content(250 * kKib, 'x');
  for (uint32_t i = 0; i < 8; ++i) server.Answer(2 * i + 1, "HTTP/1.1 200 OK\r\n\r\n", content);

  EXPECT_TRUE(server.IsTaken(15));
}

TEST_F(WorkerHttp2Test, UnfinishedHeadsStayWithinTheBudgetAndOthersAreServed) {
  constexpr size_t kMax = 1024 * kKib;
  constexpr size_t kSize = 15 * kKib;
  Start(kHttp1Port, {.buffered_bytes_max = kMax});
  std::vector<Http2Peer> holders;
  holders.reserve(60);
  for (int i = 0; i < 60; ++i) {
    holders.push_back(Client());
    const std::string part(kSize, 'a');
    holders.back().SendRaw(http::HeadersFrame(1, part, 0) +
                           http::Frame(http::H2FrameType::kContinuation, 0, 1, part));
  }
  ASSERT_TRUE(HasReceived(60 * 2 * kSize));

  Peer client = town_->Connect();
  client.Send(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  server.Send(kOk);

  EXPECT_TRUE(client.ReadUntil("ok").ends_with("\r\n\r\nok"));
  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kBufferedBytes) <= kMax; }));
  EXPECT_TRUE(Eventually([&] { return town_->closed(CloseReason::kMemoryLimit) >= 20; }));
}

TEST_F(WorkerHttp2Test, TrailersThatHaveToWaitCount) {
  Start(kHttp1Port);
  town_->GiveNoSockets();
  Http2Peer client = Client();
  const std::string value(7 * kKib, 'a');
  for (int i = 0; i < 20; ++i) {
    const uint32_t id =
        client.Request("POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n", false);
    client.session().SubmitTrailers(id, {{{.name = "x-a", .value = value}}});
    client.Flush();
  }

  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kBufferedBytes) >= 20 * 7 * kKib; }));
}

TEST_F(WorkerHttp2Test, ManyLargeHeadsOfAnswersAtOnceReachAClientThatReads) {
  Start(kHttp1Port);
  Http2Peer client = Client();
  std::vector<Peer> servers;
  for (int i = 0; i < 90; ++i) {
    client.Request(kGet);
    servers.push_back(town_->Accept());
    servers.back().ReadHead();
  }
  town_->WhileHeld([&] {
    for (size_t i = 0; i < servers.size(); ++i) {
      servers[i].Send("HTTP/1.1 204 No\r\nX-A: " + std::string(12 * kKib, 'a') + "\r\n\r\n");
    }
  });

  for (uint32_t id = 1; id < 180; id += 2) {
    EXPECT_EQ(client.Await("response " + std::to_string(id) + " "),
              "response " + std::to_string(id) + " 204 end");
  }
}

// --- Second tries.

TEST_F(WorkerHttp2Test, RequestsThatTheEndpointDidNotLookAtShareOneNewConnection) {
  Start(kHttp2Port);
  Http2Peer client = Client();
  for (int i = 0; i < 5; ++i) client.Request(kGet);
  Http2Peer server = Server();
  ASSERT_NE(server.Await("request 9"), "");

  server.SendRaw(http::Frame(http::H2FrameType::kGoaway, 0, 0, http::Number(0) + http::Number(0)));
  Http2Peer next = Server();

  EXPECT_NE(next.Await("request 9"), "");
  EXPECT_EQ(town_->count(Counter::kRetries), 5u);
  EXPECT_EQ(town_->count(Counter::kPoolMisses), 2u);
}

// What of the body has gone to the endpoint is not kept: the client has to send it again, and may.
TEST_F(WorkerHttp2Test, ARequestThatIsRefusedBehindPartOfItsBodyIsAnsweredAsUnavailable) {
  const std::string frames[] = {
      http::Frame(http::H2FrameType::kGoaway, 0, 0, http::Number(0) + http::Number(0)),
      http::Frame(http::H2FrameType::kRstStream, 0, 1,
                  http::Number(static_cast<uint32_t>(http::H2Error::kRefusedStream)))};
  for (const std::string& refusal : frames) {
    Start(kHttp2Port);
    Http2Peer client = Client();
    client.Request("POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n", false);
    client.Offer(1, "part", false);
    Http2Peer server = Server();
    ASSERT_NE(server.Await("data 1"), "");

    server.SendRaw(refusal);

    EXPECT_EQ(client.Await("response 1"), "response 1 503");
    EXPECT_EQ(town_->refused(CloseReason::kServerRefused), 1u);
    EXPECT_EQ(town_->count(Counter::kRetries), 0u);
  }
}

TEST_F(WorkerHttp2Test, ARequestThatDidNotFitIntoTheConnectionIsSentOnTheNext) {
  Start(kHttp2Port);
  Http2Peer client = Client();
  const std::string head = "POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nX-A: " +
                           std::string(12 * kKib, 'a') + "\r\n\r\n";
  Peer filler = FillBacklog();
  for (int i = 0; i < 48; ++i) ASSERT_NE(client.Request(head, false), 0u);
  ASSERT_TRUE(HasReceived(48 * 7 * kKib));  // Compressed.

  Peer accepted_filler = town_->Accept();
  Http2Peer first = Server();
  Http2Peer second = Server();
  ASSERT_NE(second.Await("request 1 "), "");

  EXPECT_EQ(town_->refused(CloseReason::kServerReset), 0u);
}

// --- HTTP/1.0

TEST_F(WorkerHttp2Test, AClientOfHttp10IsGivenAnAnswerWithoutLengthUntilTheClose) {
  Start(kHttp2Port);
  Peer client = town_->Connect();
  client.Send("GET /a HTTP/1.0\r\nHost: t\r\n\r\n");
  Http2Peer server = Server();
  server.Await("request 1");
  server.Answer(1, "HTTP/1.1 200 OK\r\n\r\n", "hello");

  const std::string answer = client.ReadAll();
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello")) << answer;
  EXPECT_EQ(answer.find("chunked"), std::string::npos) << answer;
}

// --- The end.

TEST_F(WorkerHttp2Test, AConnectionThatCameAboutDuringTheDrainEndsWithItsRequest) {
  Start(kHttp2Port);
  Peer filler = FillBacklog();
  Peer client = town_->Connect();
  client.Send(kGet);
  ASSERT_TRUE(Eventually(IsDialWaiting));
  town_->worker().Post([this] { town_->worker().StartDrain(); });
  Peer accepted_filler = town_->Accept();
  Http2Peer server = Server();
  ASSERT_NE(server.Await("request 1"), "");
  server.Answer(1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok");

  EXPECT_TRUE(client.ReadUntil("ok").ends_with("\r\n\r\nok"));
  EXPECT_TRUE(Eventually([&] { return town_->worker().session_count() == 0; }));
}

TEST_F(WorkerHttp2Test, AConnectionThatTheEndpointLeavesIsClosedAtOnce) {
  Start(kHttp2Port);
  Peer client = town_->Connect();
  client.Send(kGet);
  Http2Peer server = Server();
  server.Await("request 1");
  server.SendRaw(http::Frame(http::H2FrameType::kGoaway, 0, 0, http::Number(1) + http::Number(0)));
  const auto begin = std::chrono::steady_clock::now();
  server.Answer(1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok");
  client.ReadUntil("ok");

  server.Await("no such event");  // The end of what the proxy sends.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::nanoseconds(kLingerTimeout / 2));
}

}  // namespace
}  // namespace sluice::proxy
