// Sections 6 and 7 of RFC 9113: each type of frame, and error codes. Tests are named after the
// section; tests/unit/http/musts.tsv lists what each section demands.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/h2_frames.h"

namespace sluice::http {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kPost =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(H2Rfc9113Test, Section6_1DataNeedsAStream) {
  ServerFails(H2Error::kProtocolError, {"data 0 - ta", "data 0 e"});
}

TEST(H2Rfc9113Test, Section6_1DataOfAStreamThatItsSenderEndedIsRefused) {
  ServerResets(H2Error::kStreamClosed, {"headers 1 eh get~data 1 e ta"});
  ServerFails(H2Error::kStreamClosed, {"headers 1 h post~rst 1 - u8~data 1 e ta"});
}

TEST(H2Rfc9113Test, Section6_1PaddingAsLongAsThePayloadEndsTheConnection) {
  ServerFails(H2Error::kProtocolError,
              {"headers 1 h post~data 1 p x05+z4", "headers 1 h post~data 1 p xff+z4",
               "headers 1 h post~data 1 p x01"});
}

TEST(H2Rfc9113Test, Section6_1ContentIsSentWithoutPadding) {
  Client client;
  client.Offer(client.Send(kPost, false), "hello", true);
  const std::vector<SentFrame> frames = SplitFrames(client.Output());
  EXPECT_EQ(frames.back().payload, "hello");
  EXPECT_FALSE(frames.back().header.Has(kH2Padded));
}

TEST(H2Rfc9113Test, Section6_2HeadersNeedAStream) {
  ServerFails(H2Error::kProtocolError, {"headers 0 eh get"});
}

TEST(H2Rfc9113Test, Section6_2PaddingAsLongAsThePayloadEndsTheConnection) {
  ServerFails(H2Error::kProtocolError,
              {"headers 1 ehp xff+z4", "headers 1 ehp x05+z4", "headers 1 ehpy x03+z7"});
}

TEST(H2Rfc9113Test, Section6_2ACutBlockIsFollowedByItsContinuation) {
  ServerFails(H2Error::kProtocolError,
              {"headers 1 e x82~data 1 e ta", "headers 1 e x82~headers 1 eh get",
               "headers 1 e x82~cont 3 h x86", "headers 1 e x82~ping 0 - z8",
               "headers 1 e x82~rst 1 - u8", "headers 1 e x82~window 0 - u1"});
  Client client;
  client.Send(
      base::Concat("GET / HTTP/1.1\r\nHost: h\r\nx: ", std::string(20000, '{'), "\r\n\r\n"));
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre("headers 1 16384", StartsWith("cont 1")));
}

TEST(H2Rfc9113Test, Section6_2HeadsAreSentWithoutPaddingOrPriority) {
  Client client;
  client.Send(kGet);
  EXPECT_EQ(SplitFrames(client.Output())[0].header.flags, kH2EndStream | kH2EndHeaders);
}

TEST(H2Rfc9113Test, Section6_3PriorityNeedsAStream) {
  ServerFails(H2Error::kProtocolError, {"priority 0 - z5"});
}

TEST(H2Rfc9113Test, Section6_3APriorityOfAnotherSizeIsAnError) {
  ServerFails(H2Error::kFrameSizeError, {"headers 1 h post~priority 1 - z4", "priority 1 - z6"});
}

TEST(H2Rfc9113Test, Section6_4NothingIsSentBehindThePeersReset) {
  Client client;
  client.Send(kPost, false);
  client.Output();
  client.Offer(1, "hello", true);
  client.Feed(ScriptInput("rst 1 - u8"));
  EXPECT_EQ(client.Output(), "");
  EXPECT_FALSE(client.session.SubmitTrailers(1, {}));
}

TEST(H2Rfc9113Test, Section6_4FramesAreTakenBehindOurReset) {
  AskingClient client;
  client.session.Reset(1, H2Error::kCancel);
  EXPECT_THAT(client.Feed(ScriptInput("headers 1 h [:status: 200]~data 1 - thello~"
                                      "window 1 - u1~headers 1 eh [x: y]~rst 1 - u0")),
              IsEmpty());
  EXPECT_FALSE(client.session.is_failed());
}

TEST(H2Rfc9113Test, Section6_4AResetNeedsAStreamThatWasUsed) {
  ServerFails(H2Error::kProtocolError, {"rst 0 - u8", "rst 1 - u8", "rst 2 - u8"});
  ClientFails(H2Error::kProtocolError, {"rst 0 - u8", "rst 3 - u8", "rst 2 - u8"});
}

TEST(H2Rfc9113Test, Section6_4AnIdleStreamIsNeverReset) {
  Client client;
  client.session.Reset(1, H2Error::kCancel);
  client.session.ResetAfterEnd(1);
  EXPECT_EQ(client.Output(), "");
}

TEST(H2Rfc9113Test, Section6_4AResetOfAnotherSizeEndsTheConnection) {
  ServerFails(H2Error::kFrameSizeError,
              {"headers 1 h post~rst 1 - z3", "headers 1 h post~rst 1 - z5"});
}

TEST(H2Rfc9113Test, Section6_5BothEndsSendSettingsFirst) {
  Endpoint server(H2Role::kServer);
  Endpoint client(H2Role::kClient);
  EXPECT_THAT(FramesOf(server.Output())[0], StartsWith("settings 0"));
  EXPECT_THAT(FramesOf(client.Output())[0], StartsWith("settings 0"));
}

TEST(H2Rfc9113Test, Section6_5EveryDefinedSettingIsTaken) {
  Client client;
  EXPECT_THAT(client.Feed(ScriptInput("settings 0 - s1=0+s2=0+s3=1+s4=3+s5=16777215+s6=100")),
              IsEmpty());
  EXPECT_EQ(client.Output(), Frame(H2FrameType::kSettings, kH2Ack, 0, ""));
  client.Offer(client.Send(kPost, false), "hello", true);
  const std::vector<SentFrame> frames = SplitFrames(client.Output());
  EXPECT_EQ(frames[0].payload[0], '\x20');  // No table.
  EXPECT_EQ(frames[1].payload, "hel");
  EXPECT_FALSE(client.session.CanSubmitRequest());
}

TEST(H2Rfc9113Test, Section6_5AnAcknowledgementIsEmpty) {
  ServerFails(H2Error::kFrameSizeError, {"settings 0 a z6", "settings 0 a z1"});
  Server server;
  server.Feed(SettingsFrame({{4, 5}}));
  EXPECT_EQ(server.Output(), Frame(H2FrameType::kSettings, kH2Ack, 0, ""));
}

TEST(H2Rfc9113Test, Section6_5SettingsAreOfTheConnection) {
  ServerFails(H2Error::kProtocolError, {"settings 1 -", "settings 1 - s4=5", "settings 1 a"});
}

TEST(H2Rfc9113Test, Section6_5BadlyFormedSettingsEndTheConnection) {
  ServerFails(H2Error::kProtocolError, {"settings 0 - s2=2", "settings 0 - s5=1"});
  ServerFails(H2Error::kFrameSizeError, {"settings 0 - z5", "settings 0 - s4=5+z1"});
}

TEST(H2Rfc9113Test, Section6_5_2APushThatWasForbiddenEndsTheConnection) {
  AskingClient client;  // Its settings are acknowledged.
  ExpectFails(client, "push 1 h u2+xff", H2Error::kProtocolError);
}

// What a session says of itself, by identifier.
std::map<uint16_t, uint32_t> SettingsOf(H2Role role, const H2Limits& limits = {}) {
  Endpoint endpoint(role, limits);
  const std::string payload = SplitFrames(endpoint.Output())[0].payload;
  std::map<uint16_t, uint32_t> settings;
  for (size_t at = 0; at < payload.size(); at += 6) {
    const H2SettingValue setting = ReadSetting(payload.data() + at);
    settings[setting.id] = setting.value;
  }
  return settings;
}

TEST(H2Rfc9113Test, Section6_5_2PushIsForbiddenByClientsAndNeverOfferedByServers) {
  EXPECT_EQ(SettingsOf(H2Role::kClient).at(2), 0u);
  EXPECT_EQ(SettingsOf(H2Role::kServer).count(2), 0u);
}

TEST(H2Rfc9113Test, Section6_5_2OurSettingsAreWithinTheirRanges) {
  for (const H2Role role : {H2Role::kClient, H2Role::kServer}) {
    const std::map<uint16_t, uint32_t> settings = SettingsOf(role);
    EXPECT_LE(settings.at(4), kH2WindowMax);
    EXPECT_EQ(settings.count(5), 0u);  // The frame size that every peer knows.
  }
}

TEST(H2Rfc9113Test, Section6_5_2ValuesOutOfRangeEndTheConnection) {
  ServerFails(H2Error::kProtocolError,
              {"settings 0 - s2=2", "settings 0 - s5=16383", "settings 0 - s5=16777216"});
  ServerFails(H2Error::kFlowControlError, {"settings 0 - s4=2147483648"});
  ClientFails(H2Error::kProtocolError, {"settings 0 - s2=1"});
}

TEST(H2Rfc9113Test, Section6_5_3ValuesApplyInTheirOrderBeforeTheyAreAcknowledged) {
  Client client;
  client.Send(kPost, false);
  client.Offer(1, "hello", true);
  client.Feed(SettingsFrame({{4, 0}, {99, 1}, {4, 3}, {4, 2}}));
  const std::vector<std::string> frames = FramesOf(client.Output());
  EXPECT_EQ(frames[1], "settings 0 0");
  EXPECT_EQ(frames[2], "data 1 2");
}

TEST(H2Rfc9113Test, Section6_6APushEndsTheConnection) {
  ServerFails(H2Error::kProtocolError, {"push 0 h u2", "headers 1 h post~push 1 h u2",
                                        "headers 1 h post~push 1 - u2", "push 1 h u2"});
  ClientFails(H2Error::kProtocolError,
              {"push 0 h u2", "push 1 h u2+get", "push 1 - u2+x82", "push 3 h u2+get"});
}

TEST(H2Rfc9113Test, Section6_7EachPingThatWeSendHasEightBytes) {
  Server server({.ping_interval_ns = 10});
  server.now_ns = server.session.next_check_ns();
  server.session.CheckTime(server.now_ns);
  server.session.Drain(server.now_ns);
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("ping 0 8", "goaway 0 8", "ping 0 8"));
}

TEST(H2Rfc9113Test, Section6_7AnAnswerIsNotAnswered) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("ping 0 a tabcdefgh")), IsEmpty());
  EXPECT_EQ(server.Output(), "");
}

TEST(H2Rfc9113Test, Section6_7APingIsOfTheConnectionAndHasEightBytes) {
  ServerFails(H2Error::kProtocolError, {"ping 1 - z8"});
  ServerFails(H2Error::kFrameSizeError, {"ping 0 - z7", "ping 0 - z9", "ping 0 a", "ping 0 -"});
}

TEST(H2Rfc9113Test, Section6_8NoStreamIsOpenedBehindThePeersGoaway) {
  Client client;
  client.Send(kPost, false);
  client.Feed(ScriptInput("goaway 0 - u2147483647+u0"));
  EXPECT_EQ(client.Send(kGet), 0u);
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre(StartsWith("headers 1")));
}

TEST(H2Rfc9113Test, Section6_8GoawayIsOfTheConnection) {
  ServerFails(H2Error::kProtocolError, {"goaway 1 - z8"});
}

// The last streams of all GOAWAY frames.
std::vector<uint32_t> LastStreamsOf(std::string_view bytes) {
  std::vector<uint32_t> last;
  for (const SentFrame& frame : SplitFrames(bytes)) {
    if (frame.header.Is(H2FrameType::kGoaway)) last.push_back(ReadU32(frame.payload.data()));
  }
  return last;
}

TEST(H2Rfc9113Test, Section6_8TheLastStreamOfGoawayNeverGoesUp) {
  for (const bool is_fault : {false, true}) {
    Server server;
    server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
    server.session.Drain(server.now_ns);
    server.Feed(ScriptInput("ping 0 a tsluice-d~headers 3 eh get~headers 5 eh get"));
    if (is_fault) {
      server.Feed(ScriptInput("window 0 - u0"));
    } else {
      server.session.Close(H2Error::kNoError);
    }
    EXPECT_THAT(LastStreamsOf(server.Output()), ElementsAre(kH2WindowMax, 1u, 1u));
  }
}

// A server whose last stream is 1.
struct DrainedServer : Server {
  DrainedServer() : Server({.connection_window = 65535}) {
    Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
    session.Drain(now_ns);
    Feed(ScriptInput("ping 0 a tsluice-d"));
    Output();
  }
};

TEST(H2Rfc9113Test, Section6_8ABlockBehindOurGoawayChangesTheTable) {
  DrainedServer server;
  server.Feed(HeadersFrame(3, GetBlock() + Literal("x-shared", "1")));
  EXPECT_THAT(server.Feed(HeadersFrame(1, "\xbe")), ElementsAre("trailers 1 1 end"));
  EXPECT_EQ(server.buffer.trailers[0].name, "x-shared");
}

TEST(H2Rfc9113Test, Section6_8DataBehindOurGoawayCountsForTheConnection) {
  DrainedServer server;
  server.Feed(ScriptInput("headers 3 h post~data 3 - z16384~data 3 - z16384"));
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("window 0 4"));
}

TEST(H2Rfc9113Test, Section6_9OnlyDataWaitsForAWindow) {
  Client client;
  client.Feed(SettingsFrame({{4, 0}}));
  client.Offer(client.Send(kPost, false), "hello", true);
  client.Send(kGet);
  client.Feed(ScriptInput("ping 0 - z8"));
  EXPECT_THAT(FramesOf(client.Output()), ElementsAre("settings 0 0", StartsWith("headers 1"),
                                                     StartsWith("headers 3"), "ping 0 8"));
}

TEST(H2Rfc9113Test, Section6_9FramesWithoutFlowControlAreTakenWhenTheWindowIsUsedUp) {
  Server server({.stream_window = 65535, .connection_window = 65535});
  server.consumes = false;
  server.Feed(ScriptInput("headers 1 h post~3*data 1 - z16384~data 1 - z16383"));
  EXPECT_THAT(server.Feed(ScriptInput("headers 3 eh get~headers 1 eh [x: y]")),
              ElementsAre("request 3 GET / end", "trailers 1 1 end"));
}

TEST(H2Rfc9113Test, Section6_9AnIncrementOfZeroIsAnError) {
  ServerResets(H2Error::kProtocolError, {"headers 1 h post~window 1 - u0"});
  ServerFails(H2Error::kProtocolError, {"window 0 - u0", "window 0 - u2147483648"});
}

TEST(H2Rfc9113Test, Section6_9AWindowOfAStreamThatItsSenderEndedIsNoError) {
  Server server;
  server.Feed(ScriptInput("headers 1 eh get~window 1 - u1"));
  server.session.SubmitResponse(1, ParseResponse(kOk), true);
  EXPECT_THAT(server.Feed(ScriptInput("window 1 - u1")), IsEmpty());
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre(StartsWith("headers 1")));
}

TEST(H2Rfc9113Test, Section6_9ARefusedFrameCountsForTheConnection) {
  Server server({.connection_window = 65535});
  server.Feed(ScriptInput("headers 1 eh get~data 1 - z16384"));      // Half-closed.
  server.Feed(ScriptInput("headers 3 h post~data 3 p x00+z16383"));  // Kept, but for a byte.
  EXPECT_THAT(FramesOf(server.Output()), Contains("window 0 4"));
  Server exact({.connection_window = 65535});
  ExpectFails(exact, "headers 1 eh get~4*data 1 - z16384~data 1 - z16384",
              H2Error::kFlowControlError);
}

TEST(H2Rfc9113Test, Section6_9AWindowUpdateOfAnotherSizeEndsTheConnection) {
  ServerFails(H2Error::kFrameSizeError,
              {"window 0 - z3", "window 0 - z5", "headers 1 h post~window 1 - z5"});
}

TEST(H2Rfc9113Test, Section6_9_1AWindowBeyondItsMaximumIsAnError) {
  ServerResets(H2Error::kFlowControlError, {"headers 1 h post~window 1 - u2147483647"});
  ServerFails(H2Error::kFlowControlError, {"window 0 - u2147483647"});
}

TEST(H2Rfc9113Test, Section6_9_2ASettingThatOverflowsAWindowEndsTheConnection) {
  ServerFails(H2Error::kFlowControlError,
              {"headers 1 h post~window 1 - u2147418112~settings 0 - s4=65536"});
}

TEST(H2Rfc9113Test, Section6_9_3ContentThatCrossesASmallerWindowIsTaken) {
  Endpoint server(H2Role::kServer, {.stream_window = 1000});
  server.consumes = false;
  server.Feed(std::string(kH2Preface) + SettingsFrame());
  server.Feed(ScriptInput("headers 1 h post~data 1 - z16384"));
  EXPECT_FALSE(server.session.is_failed());
  EXPECT_EQ(server.session.stream_count(), 1u);
  server.Feed(ScriptInput("settings 0 a"));  // From here on the peer knows.
  ExpectResets(server, "data 1 - ta", H2Error::kFlowControlError);
}

TEST(H2Rfc9113Test, Section6_10AContinuationFollowsACutBlockOfItsStream) {
  ServerFails(H2Error::kProtocolError,
              {"cont 0 h x82", "cont 1 h x82", "headers 1 eh get~cont 1 h x82",
               "headers 1 h post~data 1 - ta~cont 1 h x82"});
}

TEST(H2Rfc9113Test, Section6_10ACutContinuationIsFollowedByAnother) {
  ServerFails(
      H2Error::kProtocolError,
      {"headers 1 e x82~cont 1 - x86~data 1 e ta", "headers 1 e x82~cont 1 - x86~headers 1 eh get",
       "headers 1 e x82~cont 1 - x86~cont 3 h x84", "headers 1 e x82~cont 1 - x86~settings 0 -"});
}

TEST(H2Rfc9113Test, Section7UnknownErrorCodesAreNothingSpecial) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("headers 1 h post~rst 1 - u4294967295")),
              ElementsAre("request 1 POST /", "reset 1 4294967295 none"));
  EXPECT_THAT(server.Feed(ScriptInput("goaway 0 - u0+u4294967295~headers 3 eh get")),
              ElementsAre("goaway 0 4294967295", "request 3 GET / end"));
}

}  // namespace
}  // namespace sluice::http
