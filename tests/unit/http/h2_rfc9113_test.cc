// Tests are named after the section of RFC 9113 they hold a session to. What is refused, and with
// which reason, is in tests/golden/http/h2_reject.tsv.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/h2_frames.h"

namespace sluice::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kPost =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(H2Rfc9113Test, Section3_4AClientBeginsWithThePrefaceAndSettings) {
  Endpoint client(H2Role::kClient);
  const std::string out = client.Output();
  ASSERT_TRUE(out.starts_with(kH2Preface));
  EXPECT_THAT(FramesOf(out.substr(kH2Preface.size()))[0], HasSubstr("settings 0"));
}

TEST(H2Rfc9113Test, Section3_4AServerBeginsWithSettings) {
  Endpoint server(H2Role::kServer);
  EXPECT_THAT(FramesOf(server.Output())[0], HasSubstr("settings 0"));
}

TEST(H2Rfc9113Test, Section4_1UnknownFramesAndFlagsArePassedOver) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("t42 0 - z5~t42 7 - z5")), IsEmpty());
  std::string request = HeadersFrame(1, GetBlock(), 0xd7);  // All flags but PADDED and PRIORITY.
  EXPECT_THAT(server.Feed(request), ElementsAre("request 1 GET / end"));
}

TEST(H2Rfc9113Test, Section4_3ABlockOfARefusedStreamStillChangesTheTable) {
  Server server;
  server.Feed(ScriptInput("headers 1 eh [:method: GET|a: b]"));  // Refused.
  EXPECT_THAT(server.Feed(HeadersFrame(3, base::Concat("\x82", Literal("x-shared", "1")))),
              ElementsAre("reset 3 1 h2_pseudo_missing"));
  server.Feed(HeadersFrame(5, GetBlock() + "\xbe"));
  EXPECT_EQ(server.buffer.request.headers().back().name, "x-shared");
}

TEST(H2Rfc9113Test, Section5_1FramesForAStreamThatWeResetAreIgnored) {
  Server server;
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  server.session.Reset(1, H2Error::kCancel);
  EXPECT_THAT(
      server.Feed(ScriptInput("data 1 - thello~window 1 - u5~headers 1 eh [x: y]~rst 1 - u8")),
      IsEmpty());
  EXPECT_FALSE(server.session.is_failed());
}

TEST(H2Rfc9113Test, Section5_1DataForAResetStreamGivesItsWindowBack) {
  Server server({.connection_window = 65535});
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  server.session.Reset(1, H2Error::kCancel);
  server.Output();
  server.Feed(ScriptInput("data 1 - z16384~data 1 - z16384"));
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("window 0 4"));
}

TEST(H2Rfc9113Test, Section5_1_1AClientsStreamsAreOddAndGoUp) {
  Client client;
  EXPECT_EQ(client.Send(kGet), 1u);
  EXPECT_EQ(client.Send(kGet), 3u);
  EXPECT_EQ(client.Send(kGet), 5u);
}

TEST(H2Rfc9113Test, Section5_1_2AClientOpensNoMoreThanItMay) {
  Client client;
  client.Feed(SettingsFrame({{3, 1}}));
  EXPECT_EQ(client.Send(kGet), 1u);
  EXPECT_EQ(client.Send(kGet), 0u);
  client.Feed(ScriptInput("headers 1 eh [:status: 200]"));
  EXPECT_EQ(client.Send(kGet), 3u);
}

TEST(H2Rfc9113Test, Section5_1_2AServerRefusesTheStreamTooMuch) {
  Server server({.stream_count_max = 1});
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  EXPECT_THAT(server.Feed(HeadersFrame(3, GetBlock())),
              ElementsAre("reset 3 7 h2_streams_exceeded"));
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("rst 3 4"));
}

TEST(H2Rfc9113Test, Section6_1PaddingCountsForTheWindowAndIsGivenBack) {
  Server server({.stream_window = 65535, .connection_window = 65535});
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  for (int i = 0; i < 2000; ++i) {
    server.Feed(ScriptInput("data 1 p xff+ta+z255"));
    server.Output();
  }
  EXPECT_FALSE(server.session.is_failed());
  EXPECT_EQ(server.session.stream_count(), 1u);
}

TEST(H2Rfc9113Test, Section6_3PriorityIsIgnored) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("priority 1 - z5~priority 9 - u9+x01")), IsEmpty());
}

TEST(H2Rfc9113Test, Section6_5_2UnknownSettingsAreIgnored) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("settings 0 - s99=7")), IsEmpty());
  EXPECT_FALSE(server.session.is_failed());
}

TEST(H2Rfc9113Test, Section6_5_2HeadersKeepToThePeersFrameSize) {
  Client client;
  std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 3; ++i) {
    text.append("x: ").append(std::string(9000, static_cast<char>('{' + i))).append("\r\n");
  }
  client.Send(text + "\r\n");
  const std::vector<std::string> frames = FramesOf(client.Output());
  EXPECT_THAT(frames[0], "headers 1 16384");
  EXPECT_THAT(frames[1], HasSubstr("cont 1"));
}

TEST(H2Rfc9113Test, Section6_5_3SettingsAreAcknowledged) {
  Server server;
  server.Feed(SettingsFrame());
  EXPECT_EQ(server.Output(), Frame(H2FrameType::kSettings, kH2Ack, 0, ""));
}

TEST(H2Rfc9113Test, Section6_5_3ALateAcknowledgementEndsTheConnection) {
  Endpoint server(H2Role::kServer);
  server.now_ns = server.session.next_check_ns();
  EXPECT_EQ(server.session.CheckTime(server.now_ns).reason, H2Reason::kSettingsTimeout);
}

TEST(H2Rfc9113Test, Section6_7APingIsAnsweredWithItsBytes) {
  Server server;
  server.Feed(ScriptInput("ping 0 - tabcdefgh"));
  EXPECT_EQ(server.Output(), Frame(H2FrameType::kPing, kH2Ack, 0, "abcdefgh"));
}

TEST(H2Rfc9113Test, Section6_7AQuietPeerIsAskedAndGivenUp) {
  Server server({.ping_interval_ns = 10, .ping_timeout_ns = 20});
  server.now_ns = server.session.next_check_ns();
  EXPECT_EQ(server.session.CheckTime(server.now_ns).kind, H2Event::Kind::kNone);
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("ping 0 8"));
  EXPECT_EQ(server.session.CheckTime(server.now_ns + 19).kind, H2Event::Kind::kNone);
  EXPECT_EQ(server.session.CheckTime(server.now_ns + 20).reason, H2Reason::kPingTimeout);
}

TEST(H2Rfc9113Test, Section6_8StreamsThatAServerDidNotSeeMayBeTriedAgain) {
  Client client;
  for (int i = 0; i < 3; ++i) client.Send(kGet);
  EXPECT_THAT(client.Feed(ScriptInput("goaway 0 - u1+u0")),
              ::testing::UnorderedElementsAre("goaway 1 0", "reset 3 7 none", "reset 5 7 none"));
  EXPECT_THAT(client.Feed(ScriptInput("headers 1 eh [:status: 200]")),
              ElementsAre("response 1 200 end"));
  EXPECT_TRUE(client.session.is_drained());
}

TEST(H2Rfc9113Test, Section6_8AServerIgnoresStreamsBehindItsGoaway) {
  Server server;
  server.session.Drain(server.now_ns);
  server.Feed(ScriptInput("ping 0 a tsluice-d"));
  server.Output();
  EXPECT_THAT(server.Feed(HeadersFrame(1, GetBlock())), IsEmpty());
  EXPECT_EQ(server.Output(), "");
}

TEST(H2Rfc9113Test, Section6_9_1NothingIsSentBeyondTheStreamsWindow) {
  Client client;
  client.Feed(SettingsFrame({{4, 10}}));
  client.Send(kPost, false);
  client.Output();
  client.Offer(1, "0123456789abcdef", true);
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre("data 1 10"));
  client.Feed(ScriptInput("window 1 - u2"));
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre("data 1 2"));
}

TEST(H2Rfc9113Test, Section6_9_1NothingIsSentBeyondTheConnectionsWindow) {
  Client client;
  client.Feed(SettingsFrame({{4, 1 << 20}}));
  client.Send(kPost, false);
  client.Offer(1, std::string(70000, 'x'), true);
  client.Output();
  EXPECT_EQ(client.session.offered_size(1), 70000u - 65535);
  EXPECT_EQ(client.Output(), "");
  EXPECT_FALSE(client.session.HasOutput());
  client.Feed(ScriptInput("window 0 - u1"));
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre("data 1 1"));
}

TEST(H2Rfc9113Test, Section6_9_1AnEmptyEndNeedsNoWindow) {
  Client client;
  client.Feed(SettingsFrame({{4, 0}}));
  client.Send(kPost, false);
  client.Output();
  client.Offer(1, "", true);
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre("data 1 0"));
}

TEST(H2Rfc9113Test, Section6_9_2AWindowMayBecomeNegative) {
  Client client;
  client.Send(kPost, false);
  client.Offer(1, std::string(30000, 'x'), false);
  client.Output();
  client.Feed(SettingsFrame({{4, 10000}}));  // 20000 below 0.
  client.Offer(1, std::string(100, 'x'), false);
  client.Output();
  client.Feed(ScriptInput("window 1 - u20000"));
  EXPECT_EQ(client.Output(), "");
  client.Feed(ScriptInput("window 1 - u1"));
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre("data 1 1"));
}

TEST(H2Rfc9113Test, Section6_9_2AGrownWindowLetsContentGoOn) {
  Client client;
  client.Feed(SettingsFrame({{4, 0}}));
  client.Send(kPost, false);
  client.Offer(1, "hello", false);
  client.Output();
  client.Feed(SettingsFrame({{4, 5}}));
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre("settings 0 0", "data 1 5"));
}

TEST(H2Rfc9113Test, Section8_1AnAnswerMayEndBeforeItsRequest) {
  Server server;
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  EXPECT_TRUE(server.session.SubmitResponse(1, ParseResponse(kOk), true));
  server.session.Reset(1, H2Error::kNoError);
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre(HasSubstr("headers 1"), "rst 1 4"));
}

TEST(H2Rfc9113Test, Section8_1_1AHeadThatIsMerelyTooLargeIsAnswered) {
  Server server({.header_list_size_max = 200});
  EXPECT_THAT(server.Feed(ScriptInput(
                  base::Concat("headers 1 eh [:method: GET|a: ", std::string(200, 'x'), "]"))),
              ElementsAre("reset 1 11 h2_header_list_too_large"));
  const std::string out = server.Output();
  EXPECT_EQ(FramesOf(out)[0].substr(0, 9), "headers 1");
  Client client;
  client.Send(kGet);
  EXPECT_EQ(client.Feed(out)[0], "response 1 431 end");
}

TEST(H2Rfc9113Test, Section8_1_1ATargetThatIsTooLongIsAnswered) {
  Server server({.target_size_max = 10});
  EXPECT_THAT(server.Feed(ScriptInput(
                  "headers 1 eh [:method: GET|:scheme: http|:path: /0123456789|:authority: a]")),
              ElementsAre("reset 1 11 h2_target_too_long"));
}

TEST(H2Rfc9113Test, Section8_2_2TeTrailersIsKept) {
  Server server;
  server.Feed(
      ScriptInput("headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|te: trailers]"));
  EXPECT_EQ(server.buffer.request.headers()[1].id, HeaderId::kTe);
}

TEST(H2Rfc9113Test, Section8_2_2ConnectionFieldsOfHttp1StayBehind) {
  Client client;
  Server server;
  client.Send(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: x-a, keep-alive\r\nX-A: 1\r\n"
      "Keep-Alive: 5\r\nTransfer-Encoding: chunked\r\nProxy-Connection: x\r\nX-B: 2\r\n\r\n");
  server.Feed(client.Output());
  ASSERT_EQ(server.buffer.request.headers().size(), 2u);
  EXPECT_EQ(server.buffer.request.headers()[1].name, "x-b");
}

TEST(H2Rfc9113Test, Section8_2_3CookieCrumbsAreJoined) {
  Server server;
  server.Feed(
      ScriptInput("headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|cookie: a=1|"
                  "x: y|cookie: b=2|cookie: c=3]"));
  EXPECT_EQ(server.buffer.request.headers().back().value, "a=1; b=2; c=3");
}

TEST(H2Rfc9113Test, Section8_3_1HostStandsInForAMissingAuthority) {
  Server server;
  server.Feed(ScriptInput("headers 1 eh [:method: GET|:scheme: http|:path: /|host: B.example]"));
  EXPECT_EQ(server.buffer.request.authority, "B.example");
  EXPECT_EQ(server.buffer.request.header_count, 1u);
}

TEST(H2Rfc9113Test, Section8_3_1HostThatAgreesIsOneField) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput(
                  "headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: A|host: a]")),
              ElementsAre("request 1 GET / end"));
  EXPECT_EQ(server.buffer.request.header_count, 1u);
}

TEST(H2Rfc9113Test, Section8_5ConnectIsATunnel) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("headers 1 h [:method: CONNECT|:authority: a:80]")),
              ElementsAre("request 1 CONNECT a:80"));
  EXPECT_TRUE(server.session.SubmitResponse(1, ParseResponse(kOk), false));
  EXPECT_TRUE(server.Offer(1, "down", false));
  EXPECT_THAT(server.Feed(ScriptInput("data 1 - tup")), ElementsAre("data 1 up"));
  EXPECT_THAT(server.Feed(ScriptInput("data 1 e tlast")), ElementsAre("data 1 last end"));
}

TEST(H2Rfc9113Test, Section8_8AnAnswerToHeadHasNoContentWhateverItsLength) {
  Client client;
  client.Send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.Feed(ScriptInput("headers 1 eh [:status: 200|content-length: 500]")),
              ElementsAre("response 1 200 end"));
}

TEST(H2Rfc9113Test, Section10_5RapidResetEndsTheConnection) {
  Server server({.reset = {.burst = 100, .per_s = 10}});
  for (uint32_t id = 1; id < 201; id += 2) {
    server.Feed(HeadersFrame(id, GetBlock()) + Frame(H2FrameType::kRstStream, 0, id, Number(8)));
  }
  EXPECT_FALSE(server.session.is_failed());
  EXPECT_THAT(server.Feed(HeadersFrame(201, GetBlock()) +
                          Frame(H2FrameType::kRstStream, 0, 201, Number(8))),
              ElementsAre("request 201 GET / end", "failed 11 h2_reset_flood"));
}

TEST(H2Rfc9113Test, Section10_5ARefusedHeadCountsAsWhatItCameTo) {
  Server server({.header_list_size_max = 400,
                 .refusal = {.burst = 20, .per_s = 1},
                 .refusal_unit_size = 100});
  const std::string block = GetBlock() + Literal("a", std::string(500, 'x'));  // 6 to 9 units.
  for (uint32_t id = 1; id < 5; id += 2) server.Feed(HeadersFrame(id, block));
  EXPECT_FALSE(server.session.is_failed());
  EXPECT_THAT(server.Feed(HeadersFrame(5, block)), ElementsAre("failed 11 h2_refusal_flood"));
}

// Decoding goes on behind the field that was one too many, and so does the count.
TEST(H2Rfc9113Test, Section10_5WhatFollowsInARefusedHeadCountsToo) {
  Server server({.header_list_size_max = 400,
                 .refusal = {.burst = 20, .per_s = 1},
                 .refusal_unit_size = 100});
  std::string block = GetBlock();
  for (int i = 0; i < 3; ++i) block += Literal("a", std::string(500, 'x'));  // 15 to 20 units.
  server.Feed(HeadersFrame(1, block));
  EXPECT_FALSE(server.session.is_failed());
  EXPECT_THAT(server.Feed(HeadersFrame(3, block)), ElementsAre("failed 11 h2_refusal_flood"));
}

TEST(H2Rfc9113Test, Section10_5RefusedTrailersCountAsWhatTheyCameTo) {
  Server server(
      {.trailer_size_max = 400, .refusal = {.burst = 20, .per_s = 1}, .refusal_unit_size = 100});
  std::string trailers;
  for (int i = 0; i < 3; ++i) trailers += Literal("a", std::string(500, 'x'));
  for (uint32_t id = 1; id < 5; id += 2) {
    server.Feed(HeadersFrame(id, PostBlock(), kH2EndHeaders));
  }
  server.Feed(HeadersFrame(1, trailers));
  EXPECT_FALSE(server.session.is_failed());
  EXPECT_THAT(server.Feed(HeadersFrame(3, trailers)), ElementsAre("failed 11 h2_refusal_flood"));
}

// Of a stream that was reset: its block goes through the decoder, and nobody looks at it.
TEST(H2Rfc9113Test, Section10_5LargeBlocksThatAreSkippedCountAsWhatTheyCameTo) {
  Server server({.header_list_size_max = 400,
                 .refusal = {.burst = 20, .per_s = 1},
                 .refusal_unit_size = 100});
  std::string block;
  for (int i = 0; i < 3; ++i) block += Literal("a", std::string(500, 'x'));
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  server.session.Reset(1, H2Error::kCancel);
  server.Feed(HeadersFrame(1, block));
  EXPECT_FALSE(server.session.is_failed());
  EXPECT_THAT(server.Feed(HeadersFrame(1, block)), ElementsAre("failed 11 h2_refusal_flood"));
}

TEST(H2Rfc9113Test, Section10_5RatesAllowMoreWithTime) {
  Server server({.ping = {.burst = 2, .per_s = 10}});
  const std::string ping = ScriptInput("ping 0 - z8");
  for (int i = 0; i < 50; ++i) {
    server.Feed(ping);
    server.Output();
    server.now_ns += 100'000'000;
  }
  EXPECT_FALSE(server.session.is_failed());
}

TEST(H2Rfc9113Test, Section10_5AnswersThatNobodyReadsAreBounded) {
  Server server({.ping = {.burst = 1u << 20, .per_s = 1}});
  const std::string ping = ScriptInput("ping 0 - z8");
  std::vector<std::string> events;
  for (int i = 0; i < 2000 && events.empty(); ++i) events = server.Feed(ping);
  EXPECT_THAT(events, ElementsAre("failed 11 h2_output_held"));
  EXPECT_LE(server.Output().size(), server.limits.provoked_size_max + 100);
}

TEST(H2Rfc9113Test, Section10_5_1FieldsThatAreManyTimesWhatTheyCostAreBounded) {
  Server server;
  // One entry of 3,900 bytes, then 1,000 references of one byte each: 3.9 MB if it were believed.
  const std::string block =
      base::Concat(GetBlock(), Literal("x", std::string(3900, 'y')), std::string(1000, '\xbe'));
  EXPECT_THAT(server.Feed(HeadersFrame(1, block)),
              ElementsAre("reset 1 11 h2_header_list_too_large"));
  EXPECT_THAT(server.Feed(HeadersFrame(3, GetBlock())), ElementsAre("request 3 GET / end"));
}

}  // namespace
}  // namespace sluice::http
