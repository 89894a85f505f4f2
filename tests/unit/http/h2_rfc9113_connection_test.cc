// Sections 3 to 5 of RFC 9113: the preface, frames, blocks and the life of streams. Tests are named
// after the section; tests/unit/http/musts.tsv lists what each section demands.
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/h2_frames.h"

namespace sluice::http {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kPost =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string LargeGet(size_t size) {
  return base::Concat("GET / HTTP/1.1\r\nHost: h\r\nx: ", std::string(size, '{'), "\r\n\r\n");
}

TEST(H2Rfc9113Test, Section3_3AServerSendsItsPrefaceWithoutBeingAsked) {
  Endpoint server(H2Role::kServer);
  EXPECT_THAT(FramesOf(server.Output())[0], StartsWith("settings 0"));
}

TEST(H2Rfc9113Test, Section3_4AnInvalidPrefaceEndsTheConnection) {
  for (const char* script : {"hex 474554202f20485454502f312e310d0a",
                             "hex 505249202a20485454502f322e300d0a0d0a534d0d0a0d0a~ping 0 - z8"}) {
    Endpoint server(H2Role::kServer);
    ExpectFails(server, script, H2Error::kProtocolError);
  }
  Endpoint client(H2Role::kClient);
  ExpectFails(client, "ping 0 - z8", H2Error::kProtocolError);
}

TEST(H2Rfc9113Test, Section3_4SettingsOfThePrefaceAreAcknowledgedBehindOurs) {
  Endpoint server(H2Role::kServer);
  server.Feed(std::string(kH2Preface) + SettingsFrame({{4, 1000}}));
  const std::vector<std::string> frames = FramesOf(server.Output());
  EXPECT_THAT(frames.front(), StartsWith("settings 0"));
  EXPECT_NE(frames.front(), "settings 0 0");
  EXPECT_EQ(frames.back(), "settings 0 0");
}

TEST(H2Rfc9113Test, Section4_1NoFrameIsLargerThanThePeerAllows) {
  Client client;
  client.Feed(SettingsFrame({{4, 1 << 20}}));
  client.Send(LargeGet(40000));
  client.Offer(client.Send(kPost, false), std::string(60000, 'x'), true);
  for (const SentFrame& frame : SplitFrames(client.Output())) {
    EXPECT_LE(frame.header.size, kH2FrameSizeMin);
  }
}

// All that either end says in an exchange with content, trailers, PING, a reset and a drain.
std::string SentByBoth() {
  Endpoint client(H2Role::kClient);
  Endpoint server(H2Role::kServer);
  std::string all = client.Output().substr(kH2Preface.size());
  server.Feed(std::string(kH2Preface) + all);
  const auto exchange = [&](Endpoint& from, Endpoint& to) {
    const std::string sent = from.Output();
    to.Feed(sent);
    all += sent;
  };
  exchange(server, client);
  SendRequest(client.session, kPost, false, {});
  client.Offer(1, std::string(70000, 'x'), true);
  SendRequest(client.session, LargeGet(40000), true, {});
  exchange(client, server);
  exchange(server, client);
  exchange(client, server);
  server.Feed(ScriptInput("ping 0 - z8"));
  server.session.SubmitResponse(1, ParseResponse(kOk), false);
  const Header trailer = {.name = "x", .value = "y"};
  server.session.SubmitTrailers(1, {&trailer, 1});
  server.session.Reset(3, H2Error::kCancel);
  server.session.Drain(server.now_ns);
  exchange(server, client);
  server.session.Close(H2Error::kNoError);
  exchange(server, client);
  return all;
}

TEST(H2Rfc9113Test, Section4_1UnusedFlagsAndTheReservedBitAreNeverSent) {
  static constexpr uint8_t kUsed[] = {
      kH2EndStream, kH2EndStream | kH2EndHeaders, 0, 0, kH2Ack, 0, kH2Ack, 0, 0, kH2EndHeaders};
  std::string all = SentByBoth();
  const std::vector<SentFrame> frames = SplitFrames(all);
  size_t at = 0;
  uint32_t types = 0;
  for (const SentFrame& frame : frames) {
    ASSERT_LT(frame.header.type, std::size(kUsed));
    EXPECT_EQ(frame.header.flags & ~kUsed[frame.header.type], 0) << int{frame.header.type};
    EXPECT_EQ(all[at + 5] & 0x80, 0);
    at += kH2FrameHeaderSize + frame.header.size;
    types |= 1u << frame.header.type;
  }
  EXPECT_EQ(types, 0x3dbu);  // All but PRIORITY and PUSH_PROMISE, which are never sent.
}

TEST(H2Rfc9113Test, Section4_1UnusedFlagsOfEveryTypeAreIgnored) {
  Server server;
  EXPECT_THAT(server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders) +
                          Frame(H2FrameType::kData, 0xf6, 1, "hello") +
                          Frame(H2FrameType::kWindowUpdate, 0xff, 1, Number(1)) +
                          Frame(H2FrameType::kPing, 0xfe, 0, "12345678") +
                          Frame(H2FrameType::kSettings, 0xfe, 0, "") +
                          Frame(H2FrameType::kRstStream, 0xff, 1, Number(8))),
              ElementsAre("request 1 POST /", "data 1 hello", "reset 1 8 none"));
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("ping 0 8", "settings 0 0"));
}

TEST(H2Rfc9113Test, Section4_1TheReservedBitIsIgnored) {
  Server server;
  std::string request = HeadersFrame(1, GetBlock());
  request[5] = '\x80';
  EXPECT_THAT(server.Feed(request), ElementsAre("request 1 GET / end"));
}

TEST(H2Rfc9113Test, Section4_2FramesOfSixteenKibibytesAreTaken) {
  Server server;
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  EXPECT_EQ(server.Feed(ScriptInput("data 1 e z16384")).size(), 1u);
  EXPECT_THAT(server.Feed(HeadersFrame(3, GetBlock() + Literal("a", std::string(16325, 'x')))),
              ElementsAre("request 3 GET / end"));
}

TEST(H2Rfc9113Test, Section4_2AWrongSizeEndsTheConnection) {
  ServerFails(H2Error::kFrameSizeError,
              {"hex 004001000000000001", "hex 004001010000000001", "hex 004001040000000000",
               "hex 004001630000000000", "headers 1 ehp", "headers 1 ehy z4", "settings 0 - z5",
               "ping 0 - z7", "goaway 0 - z7", "window 0 - z3", "headers 1 h post~rst 1 - z3",
               "headers 1 h post~window 1 - z5", "push 1 h z3"});
}

TEST(H2Rfc9113Test, Section4_3ABlockGoesOutInOnePiece) {
  Client client;
  client.Offer(client.Send(kPost, false), std::string(20000, 'x'), false);
  client.Output(100);  // Content of stream 1 waits.
  client.Send(LargeGet(40000));
  client.Feed(ScriptInput("ping 0 - z8"));
  std::string all;
  for (std::string part = client.Output(1500); !part.empty(); part = client.Output(1500)) {
    all += part;
  }
  bool is_open = false;
  size_t continuations = 0;
  for (const SentFrame& frame : SplitFrames(all)) {
    EXPECT_EQ(frame.header.Is(H2FrameType::kContinuation), is_open);
    const bool is_block = is_open || frame.header.Is(H2FrameType::kHeaders);
    continuations += is_open ? 1 : 0;
    is_open = is_block && !frame.header.Has(kH2EndHeaders);
  }
  EXPECT_EQ(continuations, 2u);
}

TEST(H2Rfc9113Test, Section4_3ABlockThatCannotBeDecodedEndsTheConnection) {
  ServerFails(H2Error::kCompressionError,
              {"headers 1 eh x80", "headers 1 h post~headers 1 eh xbe",
               "headers 1 eh get~headers 1 eh x80", "100*headers + h post~headers 201 eh x80"});
  ClientFails(H2Error::kCompressionError, {"headers 1 eh x80"});
}

TEST(H2Rfc9113Test, Section4_3_1TheNextBlockBeginsWithAnUpdateWhenTheTableShrinks) {
  Client client;
  client.Send(kGet);
  client.Output();
  client.Feed(SettingsFrame({{1, 100}}));
  client.Send(kGet);
  const std::vector<SentFrame> frames = SplitFrames(client.Output());
  EXPECT_EQ(frames[0].header.type, static_cast<uint8_t>(H2FrameType::kSettings));
  EXPECT_EQ(frames[1].payload.substr(0, 2), FromHex("3f45"));  // 31 + 69
}

TEST(H2Rfc9113Test, Section4_3_1AMissingUpdateEndsTheConnection) {
  Server server({.table_size_max = 100});
  EXPECT_THAT(server.Feed(HeadersFrame(1, GetBlock())),
              ElementsAre("failed 9 h2_hpack_table_size"));
}

TEST(H2Rfc9113Test, Section5_1FramesOfIdleStreamsEndTheConnection) {
  ServerFails(H2Error::kProtocolError, {"data 1 e ta", "rst 1 - u8", "window 1 - u1", "data 2 e ta",
                                        "rst 2 - u8", "window 2 - u1", "headers 2 eh get"});
  ClientFails(H2Error::kProtocolError,
              {"data 3 e ta", "rst 3 - u8", "window 3 - u1", "headers 3 eh [:status: 200]",
               "data 2 e ta", "headers 2 eh [:status: 200]"});
}

TEST(H2Rfc9113Test, Section5_1FramesOfAHalfClosedStreamAreRefused) {
  ServerResets(H2Error::kStreamClosed,
               {"headers 1 eh get~data 1 - ta", "headers 1 eh get~headers 1 eh get",
                "headers 1 h post~data 1 e ta~data 1 - tb"});
}

TEST(H2Rfc9113Test, Section5_1AHalfClosedStreamTakesWindowsPrioritiesAndResets) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("headers 1 eh get~window 1 - u5~priority 1 - z5~rst 1 - u8")),
              ElementsAre("request 1 GET / end", "reset 1 8 none"));
}

TEST(H2Rfc9113Test, Section5_1NothingIsSentForAClosedStream) {
  Server server;
  server.Feed(ScriptInput("headers 1 h post~data 1 - z16384~data 1 - z16384~rst 1 - u8"));
  EXPECT_FALSE(server.session.SubmitResponse(1, ParseResponse(kOk), false));
  EXPECT_FALSE(server.session.Offer(1, 5, true));
  server.session.Reset(1, H2Error::kCancel);
  EXPECT_EQ(server.Output(), "");
}

TEST(H2Rfc9113Test, Section5_1ABlockForAStreamThatWeResetChangesTheTable) {
  Server server;
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  server.session.Reset(1, H2Error::kCancel);
  server.Feed(HeadersFrame(1, Literal("x-shared", "1")));
  server.Feed(HeadersFrame(3, GetBlock() + "\xbe"));
  EXPECT_EQ(server.buffer.request.headers().back().name, "x-shared");
}

TEST(H2Rfc9113Test, Section5_1_1AnUnexpectedIdentifierEndsTheConnection) {
  ServerFails(H2Error::kProtocolError,
              {"headers 2 eh get", "headers 5 eh get~headers 3 eh get",
               "headers 1 eh get~headers 7 eh get~headers 9 eh get~headers 5 eh get"});
}

TEST(H2Rfc9113Test, Section5_1_1AnIdentifierIsNotUsedTwice) {
  Server server;
  server.Feed(HeadersFrame(1, GetBlock()));
  server.session.SubmitResponse(1, ParseResponse(kOk), true);
  ExpectFails(server, "headers 1 eh get", H2Error::kStreamClosed);
}

// Windows of random sizes: no stream and no connection ever carries more than it was given.
TEST(H2Rfc9113Test, Section5_2_1ContentNeverExceedsAWindow) {
  std::mt19937 random(20261123);
  Client client;
  int64_t connection = kH2WindowDefault;
  std::map<uint32_t, int64_t> streams;
  for (int i = 0; i < 5; ++i) {
    const uint32_t id = client.Send(kPost, false);
    client.Offer(id, std::string(1 << 20, 'x'), false);
    streams[id] = kH2WindowDefault;
  }
  for (int turn = 0; turn < 1000; ++turn) {
    const uint32_t more = random() % 3000 + 1;
    const uint32_t id = random() % 6 * 2;  // 0, 2, 4...: the connection or the stream below.
    client.Feed(Frame(H2FrameType::kWindowUpdate, 0, id == 0 ? 0 : id - 1, Number(more)));
    client.now_ns += 10'000'000;
    (id == 0 ? connection : streams[id - 1]) += more;
    for (const SentFrame& frame : SplitFrames(client.Output(random() % 20000 + 2000))) {
      if (!frame.header.Is(H2FrameType::kData)) continue;
      connection -= frame.header.size;
      streams[frame.header.stream] -= frame.header.size;
      ASSERT_GE(connection, 0);
      ASSERT_GE(streams[frame.header.stream], 0);
    }
  }
  EXPECT_FALSE(client.session.is_failed());
  EXPECT_LT(connection, 3000);  // What was given was used.
}

TEST(H2Rfc9113Test, Section5_2_2FramesAreReadWhateverTheWindowsSay) {
  Server server({.stream_window = 65535, .connection_window = 65535});
  server.consumes = false;
  server.Feed(ScriptInput("headers 1 h post~3*data 1 - z16384~data 1 - z16383"));
  EXPECT_THAT(server.Feed(ScriptInput("window 0 - u1~ping 0 - z8~headers 3 eh get")),
              ElementsAre("request 3 GET / end"));
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("ping 0 8"));
}

TEST(H2Rfc9113Test, Section5_4AConnectionErrorIsReported) {
  Server server;
  server.Feed(HeadersFrame(5, PostBlock(), kH2EndHeaders));
  ExpectFails(server, "data 1 e ta~window 0 - u0", H2Error::kStreamClosed);
}

TEST(H2Rfc9113Test, Section5_4_1NothingFollowsAConnectionError) {
  Server server;
  server.Feed(ScriptInput("headers 1 h post~window 0 - u0"));
  const std::vector<SentFrame> frames = SplitFrames(server.Output());
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(ReadU32(frames[0].payload.data()), 1u);  // The last stream that was seen.
  EXPECT_THAT(server.Feed(ScriptInput("ping 0 - z8~headers 3 eh get")), IsEmpty());
  EXPECT_FALSE(server.session.SubmitResponse(1, ParseResponse(kOk), true));
  EXPECT_EQ(server.Output(), "");
  EXPECT_TRUE(server.session.is_failed());
}

TEST(H2Rfc9113Test, Section5_4_2FramesOnTheirWayAreTakenBehindAStreamError) {
  Server server;
  server.Feed(ScriptInput("headers 1 h post~window 1 - u0"));
  EXPECT_THAT(server.Feed(ScriptInput("data 1 - thello~window 1 - u0~headers 1 eh [x: y]")),
              IsEmpty());
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("rst 1 4"));
}

TEST(H2Rfc9113Test, Section5_4_2AResetIsNeverAnsweredByOne) {
  Server server;
  server.Feed(ScriptInput("headers 1 h post~rst 1 - u8~rst 1 - u8"));
  server.Feed(ScriptInput("headers 3 eh get~rst 3 - u0~headers 5 eh [a: b]"));
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("rst 5 4"));
  server.Feed(ScriptInput("rst 5 - u1"));
  EXPECT_EQ(server.Output(), "");
}

TEST(H2Rfc9113Test, Section5_5UnknownFramesSettingsAndErrorsAreIgnored) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("t10 0 - z4~t255 99 - z4~settings 0 - s4096=1+s65535=2")),
              IsEmpty());
  EXPECT_THAT(FramesOf(server.Output()), ElementsAre("settings 0 0"));
}

TEST(H2Rfc9113Test, Section5_5AnUnknownFrameInsideABlockEndsTheConnection) {
  ServerFails(H2Error::kProtocolError,
              {"headers 1 e x82~t77 1 - z1~cont 1 h x86", "headers 1 e x82~t77 0 -"});
}

TEST(H2Rfc9113Test, Section5_5AnExtensionIsNotUsedBeforeThePeerAgreed) {
  Endpoint client(H2Role::kClient);
  client.Feed(SettingsFrame());
  client.Output();
  EXPECT_EQ(SendRequest(client.session, kGet, false, {.protocol = "websocket"}), 0u);
  EXPECT_EQ(client.Output(), "");
}

}  // namespace
}  // namespace sluice::http
