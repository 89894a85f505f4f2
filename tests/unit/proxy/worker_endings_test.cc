// How requests end whose endpoint breaks off, breaks the rules of HTTP/2, or does not switch to the
// protocol that it was asked for: the client is told what happened, in its own words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/proxy/http2_peer.h"
#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

using http::H2FrameType;
using http::H2Role;
using testing::Contains;
using testing::StartsWith;

constexpr std::string_view kHttp1Port = "10.96.0.1:80";
constexpr std::string_view kHttp2Port = "10.96.0.1:50";
constexpr std::string_view kPost = "POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kCall =
    "POST /s.S/M HTTP/1.1\r\nHost: t\r\nContent-Type: application/grpc\r\n"
    "TE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n";

class WorkerEndingsTest : public testing::Test {
 protected:
  void Start(std::string_view dialled) {
    town_ = std::make_unique<WorkerTown>();
    SLUICE_REQUIRE_RUNNING(*town_);
    town_->Dial(dialled);
  }
  Http2Peer Client() { return Http2Peer(town_->Connect(), H2Role::kClient); }
  Http2Peer Server() { return Http2Peer(town_->Accept(), H2Role::kServer); }
  // What a client of HTTP/1.1 is answered when the endpoint of HTTP/2 sends this to its request.
  std::string AnswerTo(std::string_view frames) {
    Start(kHttp2Port);
    Peer client = town_->Connect();
    client.Send(kPost);
    Http2Peer server = Server();
    EXPECT_NE(server.Await("request 1"), "");
    server.SendRaw(frames);
    return client.ReadUntil(")\n");
  }

  // A client of HTTP/2 asks for a WebSocket, and the server of HTTP/1.1 says this.
  void ExpectNoWebSocket(std::string_view answer) {
    SCOPED_TRACE(answer);
    Start(kHttp1Port);
    Http2Peer client = Client();
    while (!client.session().peer_allows_connect_protocol()) client.AwaitMore();
    client.Request("GET /chat HTTP/1.1\r\nHost: t\r\n\r\n", false, {.protocol = "websocket"});
    Peer server = town_->Accept();
    server.ReadHead();
    server.Send(answer);

    EXPECT_EQ(client.Await("response 1"), "response 1 502");
    EXPECT_EQ(town_->refused(CloseReason::kBadResponse), 1u);
  }

  std::unique_ptr<WorkerTown> town_;
};

std::string Reset(uint32_t stream, http::H2Error error) {
  return http::Frame(H2FrameType::kRstStream, 0, stream,
                     http::Number(static_cast<uint32_t>(error)));
}

std::string HeadWithABadName(uint32_t stream) {
  return http::HeadersFrame(stream, http::Block({{":status", "200"}, {"X-A", "1"}}));
}

// --- Faults.

TEST_F(WorkerEndingsTest, AMalformedAnswerIsCalledThat) {
  const std::string answer = AnswerTo(HeadWithABadName(1));

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 502"));
  EXPECT_THAT(answer, testing::HasSubstr("sluice: A header field name is empty, has upper case"));
  EXPECT_EQ(town_->refused(CloseReason::kBadResponse), 1u);
}

TEST_F(WorkerEndingsTest, AFaultOfTheWholeConnectionIsNamed) {
  const std::string answer = AnswerTo(http::Frame(H2FrameType::kPushPromise, 4, 1, "12345"));

  EXPECT_THAT(answer, testing::HasSubstr("PUSH_PROMISE came"));
  EXPECT_EQ(town_->refused(CloseReason::kBadResponse), 1u);
}

TEST_F(WorkerEndingsTest, AResetBehindAnotherStreamsFaultIsAReset) {
  Start(kHttp2Port);
  Http2Peer client = Client();
  client.Request(kPost);
  client.Request(kPost);
  Http2Peer server = Server();
  ASSERT_NE(server.Await("request 3"), "");

  server.SendRaw(HeadWithABadName(1));
  EXPECT_EQ(client.Await("response 1"), "response 1 502");
  server.SendRaw(Reset(3, http::H2Error::kInternalError));
  EXPECT_EQ(client.Await("response 3"), "response 3 502");

  EXPECT_EQ(town_->refused(CloseReason::kBadResponse), 1u);
  EXPECT_EQ(town_->refused(CloseReason::kServerReset), 1u);
}

// --- Calls of gRPC whose answer has begun.

struct Ending {
  std::string_view name;
  std::string frames;  // Empty: the connection is closed.
  std::string_view status;
  std::string_view reason;
};

TEST_F(WorkerEndingsTest, ACallThatBreaksOffIsToldSoInTrailers) {
  const std::vector<Ending> endings = {
      {"closed", "", "14", "server_closed"},
      {"reset", Reset(1, http::H2Error::kInternalError), "14", "server_reset"},
      {"cancelled", Reset(1, http::H2Error::kCancel), "1", "server_reset"},
      {"malformed", http::HeadersFrame(1, http::Block({{"X-A", "1"}})), "13", "bad_response"},
  };
  for (const Ending& ending : endings) {
    SCOPED_TRACE(ending.name);
    Start(kHttp2Port);
    Http2Peer client = Client();
    client.Request(kCall, false);
    Http2Peer server = Server();
    ASSERT_NE(server.Await("request 1"), "");
    server.session().SubmitResponse(1, http::ParseResponse("HTTP/1.1 200 OK\r\n\r\n"), false);
    server.Flush();
    ASSERT_EQ(client.Await("response 1"), "response 1 200");

    if (ending.frames.empty())
      server.peer().FinishSending();  // A close would reset if bytes came unread.
    else
      server.SendRaw(ending.frames);

    EXPECT_EQ(client.Await("trailers 1"), "trailers 1 3 end");
    EXPECT_THAT(client.trailers(), Contains(base::Concat("grpc-status: ", ending.status)));
    EXPECT_THAT(client.trailers(), Contains(base::Concat("sluice-reason: ", ending.reason)));
  }
}

TEST_F(WorkerEndingsTest, AnotherAnswerThatBreaksOffEndsInAReset) {
  Start(kHttp2Port);
  Http2Peer client = Client();
  client.Request(kPost);
  Http2Peer server = Server();
  ASSERT_NE(server.Await("request 1"), "");
  server.session().SubmitResponse(1, http::ParseResponse("HTTP/1.1 200 OK\r\n\r\n"), false);
  server.Flush();
  ASSERT_EQ(client.Await("response 1"), "response 1 200");

  server.peer().FinishSending();

  EXPECT_EQ(client.Await("reset 1"), "reset 1 2 none");
}

// --- Tunnels.

TEST_F(WorkerEndingsTest, A2xxWithoutASwitchAgreesToNoTunnelOverHttp2) {
  constexpr std::string_view kAnswers[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\n\r\nuntil the close",
      "HTTP/1.1 204 No Content\r\n\r\n",
  };
  for (const std::string_view answer : kAnswers) ExpectNoWebSocket(answer);
}

TEST_F(WorkerEndingsTest, A2xxWithoutASwitchIsAnAnswerOverHttp1) {
  Start(kHttp1Port);
  Peer client = town_->Connect();
  client.Send("GET /chat HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  Peer server = town_->Accept();
  server.ReadHead();
  server.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

  EXPECT_THAT(client.ReadUntil("ok"), StartsWith("HTTP/1.1 200"));
}

// --- Other protocols.

// RFC 6455 section 4.1: the client of the WebSocket, which the proxy is here, must not go on.
TEST_F(WorkerEndingsTest, A101ThatDoesNotProveAWebSocketIsNoneOverHttp2) {
  constexpr std::string_view kWithout[] = {
      "Connection: upgrade\r\nUpgrade: websocket\r\n",
      "Connection: upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
      "Connection: upgrade\r\nUpgrade: other\r\n",
      "Connection: upgrade\r\n",
  };
  for (const std::string_view fields : kWithout) {
    ExpectNoWebSocket(base::Concat("HTTP/1.1 101 Yes\r\n", fields, "\r\n"));
  }
}

TEST_F(WorkerEndingsTest, AServerMaySwitchToAnyOfWhatWasOffered) {
  struct Case {
    std::string_view chosen;
    std::string_view answer;
  };
  constexpr Case kCases[] = {{"foo/2", "HTTP/1.1 101 Yes"},
                             {"websocket", "HTTP/1.1 101 Yes"},
                             {"bar", "HTTP/1.1 502"},
                             {"h2c", "HTTP/1.1 502"}};
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.chosen);
    Start(kHttp1Port);
    Peer client = town_->Connect();
    client.Send(
        "GET /chat HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: websocket, h2c\r\n"
        "Upgrade: foo/2\r\n\r\n");
    Peer server = town_->Accept();
    EXPECT_THAT(server.ReadHead(), testing::HasSubstr("upgrade: websocket, foo/2\r\n"));
    server.Send(base::Concat("HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: ", one.chosen,
                             "\r\n\r\n"));

    const std::string answer = client.ReadHead();
    EXPECT_THAT(answer, StartsWith(one.answer));
    const bool is_switch = answer.find(base::Concat("upgrade: ", one.chosen)) != std::string::npos;
    EXPECT_EQ(is_switch, one.answer.ends_with("Yes"));
  }
}

constexpr std::string_view kUpgradeRequired =
    "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Content-Length: 0\r\n\r\n";

TEST_F(WorkerEndingsTest, A426SaysWhatItRequires) {
  Start(kHttp1Port);
  Peer client = town_->Connect();
  client.Send(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  server.Send(kUpgradeRequired);

  EXPECT_THAT(client.ReadHead(),
              testing::HasSubstr("connection: upgrade\r\nupgrade: websocket\r\n"));
}

TEST_F(WorkerEndingsTest, A426OverHttp2HasNoFieldsOfTheConnection) {
  Start(kHttp1Port);
  Http2Peer client = Client();
  client.Request(kGet);
  Peer server = town_->Accept();
  server.ReadHead();
  server.Send(kUpgradeRequired);

  EXPECT_EQ(client.Await("response 1"), "response 1 426 end");  // The codec refuses such fields.
}

// --- Answers that have no content.

struct EmptyAnswer {
  std::string_view request;
  std::string_view status;
  std::string_view length;
};

constexpr std::string_view kHead = "HEAD /a HTTP/1.1\r\nHost: t\r\n\r\n";
constexpr EmptyAnswer kEmptyAnswers[] = {{kHead, "200", "5"},
                                         {kHead, "200", ""},
                                         {kGet, "204", ""},
                                         {kGet, "304", "5"},
                                         {kGet, "200", "0"}};

// What an endpoint of HTTP/2 does behind the head: content, a reset, a field that may not be.
std::vector<std::string> WrongEnds() {
  return {http::Frame(H2FrameType::kData, http::kH2EndStream, 1, "hello"),
          Reset(1, http::H2Error::kInternalError),
          http::HeadersFrame(1, http::Block({{"X-A", "1"}}))};
}

void SendHead(Http2Peer& server, const EmptyAnswer& one) {
  std::string block = http::Block({{":status", std::string(one.status)}});
  if (!one.length.empty()) block += http::Block({{"content-length", std::string(one.length)}});
  server.SendRaw(http::HeadersFrame(1, block, http::kH2EndHeaders));
}

TEST_F(WorkerEndingsTest, AnAnswerWithoutContentIsWholeForAClientOfHttp1WhateverFollows) {
  for (const EmptyAnswer& one : kEmptyAnswers) {
    for (const std::string& end : WrongEnds()) {
      SCOPED_TRACE(base::Concat(one.request, one.status));
      Start(kHttp2Port);
      Peer client = town_->Connect();
      client.Send(one.request);
      Http2Peer server = Server();
      ASSERT_NE(server.Await("request 1"), "");
      SendHead(server, one);
      server.SendRaw(end);

      EXPECT_THAT(client.ReadHead(), StartsWith(base::Concat("HTTP/1.1 ", one.status)));
      client.Send(kGet);
      ASSERT_NE(server.Await("request 3"), "");
      server.Answer(3, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok");
      EXPECT_TRUE(client.ReadUntil("ok").ends_with("\r\n\r\nok"));
      EXPECT_EQ(
          town_->refused(CloseReason::kBadResponse) + town_->refused(CloseReason::kServerReset),
          1u);
    }
  }
}

TEST_F(WorkerEndingsTest, AnAnswerWithoutContentIsWholeForAClientOfHttp2WhateverFollows) {
  for (const EmptyAnswer& one : kEmptyAnswers) {
    for (const std::string& end : WrongEnds()) {
      SCOPED_TRACE(base::Concat(one.request, one.status));
      Start(kHttp2Port);
      Http2Peer client = Client();
      client.Request(one.request);
      Http2Peer server = Server();
      ASSERT_NE(server.Await("request 1"), "");
      SendHead(server, one);
      server.SendRaw(end);

      EXPECT_THAT(client.Await("response 1"), StartsWith(base::Concat("response 1 ", one.status)));
      client.Request(kGet);
      ASSERT_NE(server.Await("request 3"), "");
      server.Answer(3, "HTTP/1.1 204 No\r\n\r\n", "");
      EXPECT_EQ(client.Await("re"), "response 3 204 end");  // And no reset of the first.
      EXPECT_EQ(
          town_->refused(CloseReason::kBadResponse) + town_->refused(CloseReason::kServerReset),
          1u);
    }
  }
}

}  // namespace
}  // namespace sluice::proxy
