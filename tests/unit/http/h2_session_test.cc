#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/h2_pair.h"

namespace sluice::http {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kGet = "GET /a?b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n";
constexpr std::string_view kPost =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// How much of a frame came. Each is a beginning that another frame cannot follow.
class H2PartialFrameTest : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(
    Frames, H2PartialFrameTest,
    testing::Values(HeadersFrame(3, GetBlock()).substr(0, 1),   // Of its header.
                    HeadersFrame(3, GetBlock()).substr(0, 9),   // The header alone.
                    HeadersFrame(3, GetBlock()).substr(0, 15),  // Of its payload.
                    Frame(H2FrameType::kData, 0, 1, "hello").substr(0, 9),
                    Frame(H2FrameType::kData, 0, 1, "hello").substr(0, 12),
                    Frame(H2FrameType::kData, kH2Padded, 1, "hello").substr(0, 9),
                    Frame(H2FrameType::kData, kH2Padded, 1, std::string("\2hi", 3) + "..")
                        .substr(0, 13),  // Of its padding.
                    Frame(H2FrameType::kPriority, 0, 1, "abcde").substr(0, 11)));

TEST_P(H2PartialFrameTest, ThatDoesNotComeWholeInTimeEndsTheConnection) {
  Server server;
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders) + GetParam().substr(0, 1));
  const uint64_t begin = server.now_ns;

  server.now_ns = begin + server.limits.frame_timeout_ns - 1;
  server.Feed(GetParam().substr(1));  // Trickling gains no time.
  EXPECT_EQ(server.session.CheckTime(server.now_ns).kind, H2Event::Kind::kNone);
  server.now_ns = server.session.next_check_ns();
  EXPECT_EQ(server.now_ns, begin + server.limits.frame_timeout_ns);

  EXPECT_EQ(server.session.CheckTime(server.now_ns).reason, H2Reason::kFrameTimeout);
}

TEST(H2SessionTest, BetweenFramesNoTimeRuns) {
  Server server;
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders) +
              Frame(H2FrameType::kData, 0, 1, "hello"));

  EXPECT_EQ(server.session.next_check_ns(), UINT64_MAX);
  server.now_ns += 10 * server.limits.frame_timeout_ns;
  EXPECT_EQ(server.session.CheckTime(server.now_ns).kind, H2Event::Kind::kNone);
}

// The next one begins where the last ended, in the same bytes.
TEST(H2SessionTest, EachFrameHasTimeOfItsOwn) {
  Server server;
  const std::string frame = Frame(H2FrameType::kData, 0, 1, "hello");
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders) + frame.substr(0, 12));

  for (int i = 0; i < 3; ++i) {
    server.now_ns += server.limits.frame_timeout_ns - 1;
    server.Feed(frame.substr(12) + frame.substr(0, 12));
    EXPECT_EQ(server.session.CheckTime(server.now_ns).kind, H2Event::Kind::kNone);
  }
}

// Both ends, with their prefaces out of the way.
struct Pair {
  Pair() {
    Exchange();
    at_client.clear();
    at_server.clear();
  }
  // Lets both talk until neither has more to say.
  void Exchange() {
    for (;;) {
      const std::string to_server = client.Output();
      const std::string to_client = server.Output();
      if (to_server.empty() && to_client.empty()) return;
      for (std::string& event : server.Feed(to_server)) at_server.push_back(std::move(event));
      for (std::string& event : client.Feed(to_client)) at_client.push_back(std::move(event));
    }
  }
  uint32_t Send(std::string_view text, bool is_end = true, const H2RequestForm& form = {}) {
    return SendRequest(client.session, text, is_end, form);
  }

  Endpoint client{H2Role::kClient};
  Endpoint server{H2Role::kServer};
  std::vector<std::string> at_client;
  std::vector<std::string> at_server;
};

TEST(H2SessionTest, CarriesARequestAndItsAnswer) {
  Pair pair;
  EXPECT_EQ(pair.Send(kGet), 1u);
  pair.Exchange();
  EXPECT_THAT(pair.at_server, ElementsAre("request 1 GET /a?b end"));
  EXPECT_EQ(pair.server.buffer.request.authority, "h");

  EXPECT_TRUE(pair.server.session.SubmitResponse(1, ParseResponse(kOk), false));
  EXPECT_TRUE(pair.server.Offer(1, "hello", false));
  pair.Exchange();
  EXPECT_TRUE(pair.server.Offer(1, "", true));
  pair.Exchange();
  EXPECT_THAT(pair.at_client, ElementsAre("response 1 200", "data 1 hello", "data 1  end"));
  EXPECT_EQ(pair.client.session.stream_count(), 0u);
  EXPECT_EQ(pair.server.session.stream_count(), 0u);
}

TEST(H2SessionTest, CarriesBodiesLargerThanEveryWindow) {
  Pair pair;
  pair.Send(kPost, false);
  const std::string body(3 << 20, 'x');
  pair.client.Offer(1, body, true);
  pair.Exchange();
  size_t size = 0;
  for (const std::string& event : pair.at_server) {
    if (event.starts_with("data 1 ")) size += event.size() - 7;
  }
  EXPECT_EQ(size, body.size() + 4);  // " end"
  EXPECT_TRUE(pair.at_server.back().ends_with(" end"));
}

TEST(H2SessionTest, StopsWhenNothingIsConsumed) {
  Pair pair;
  pair.server.consumes = false;
  pair.Send(kPost, false);
  pair.client.Offer(1, std::string(1 << 20, 'x'), true);
  pair.Exchange();
  EXPECT_EQ(pair.client.session.offered_size(1), (1u << 20) - 65536);

  pair.server.session.Consume(1, 65536);
  pair.Exchange();
  EXPECT_EQ(pair.client.session.offered_size(1), (1u << 20) - 2 * 65536);
}

TEST(H2SessionTest, SharesTheConnectionBetweenStreams) {
  Client client;
  client.Send(kPost, false);
  client.Send(kPost, false);
  client.Offer(1, std::string(40000, 'a'), false);
  client.Offer(3, std::string(40000, 'b'), false);
  std::string order;
  std::string out = client.Output();
  for (std::string_view rest = out; !rest.empty();) {
    const H2FrameHeader header = ReadFrameHeader(rest.data());
    if (header.Is(H2FrameType::kData)) order += static_cast<char>('0' + header.stream);
    rest.remove_prefix(kH2FrameHeaderSize + header.size);
  }
  EXPECT_EQ(order, "1313");  // The window of the connection ends it.
}

TEST(H2SessionTest, SendsTrailersBehindTheContent) {
  Pair pair;
  pair.Send(kGet);
  pair.Exchange();
  pair.server.session.SubmitResponse(1, ParseResponse(kOk), false);
  pair.server.Offer(1, "hello", false);
  const Header trailer = {.name = "Grpc-Status", .value = "0"};
  EXPECT_FALSE(pair.server.session.SubmitTrailers(1, {&trailer, 1}));  // Content waits.
  pair.Exchange();
  EXPECT_TRUE(pair.server.session.SubmitTrailers(1, {&trailer, 1}));
  pair.Exchange();
  EXPECT_THAT(pair.at_client, ElementsAre("response 1 200", "data 1 hello", "trailers 1 1 end"));
  EXPECT_EQ(pair.client.buffer.trailers[0].name, "grpc-status");
}

TEST(H2SessionTest, TellsEachSideOfAReset) {
  Pair pair;
  pair.Send(kPost, false);
  pair.Exchange();
  pair.client.session.Reset(1, H2Error::kCancel);
  pair.Exchange();
  EXPECT_THAT(pair.at_server, ElementsAre("request 1 POST /", "reset 1 8 none"));
}

TEST(H2SessionTest, DrainsInTwoStepsAndServesWhatCrosses) {
  Pair pair;
  pair.server.session.Drain(pair.server.now_ns);
  pair.Send(kGet);  // Crosses the GOAWAY.
  pair.Exchange();
  EXPECT_THAT(pair.at_server, ElementsAre("request 1 GET /a?b end"));
  EXPECT_THAT(pair.at_client, ElementsAre("goaway 2147483647 0", "goaway 1 0"));
  EXPECT_FALSE(pair.client.session.CanSubmitRequest());
  EXPECT_FALSE(pair.server.session.is_drained());
  pair.server.session.SubmitResponse(1, ParseResponse(kOk), true);
  pair.Exchange();
  EXPECT_TRUE(pair.server.session.is_drained());
  EXPECT_TRUE(pair.client.session.is_drained());
}

TEST(H2SessionTest, ExtendedConnectBecomesAnUpgradeInTheFormOfHttp1) {
  Pair pair;
  pair.Send("GET /chat HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            false, {.protocol = "websocket"});
  pair.Exchange();
  EXPECT_THAT(pair.at_server, ElementsAre("request 1 GET /chat"));
  EXPECT_EQ(pair.server.buffer.protocol, "websocket");
  EXPECT_TRUE(pair.server.buffer.request.wants_upgrade);
  pair.server.session.SubmitResponse(1, ParseResponse(kOk), false);
  pair.server.Offer(1, "\x81\x00", false);
  pair.client.Offer(1, "ping", false);
  pair.Exchange();
  EXPECT_EQ(pair.at_server.back(), "data 1 ping");
}

TEST(H2SessionTest, TheHeadHasTheFormOfHttp1) {
  Server server;
  server.Feed(HeadersFrame(1,
                           Block({{":method", "POST"},
                                  {":scheme", "http"},
                                  {":path", "/x?y"},
                                  {":authority", "a:8"},
                                  {"cookie", "a=1"},
                                  {"accept", "*/*"},
                                  {"cookie", "b=2"},
                                  {"te", "trailers"}}),
                           kH2EndHeaders));
  const RequestHead& head = server.buffer.request;
  const std::string_view text(head.method.data(), head.head_size);
  EXPECT_EQ(text,
            "POST /x?y HTTP/1.1\r\nhost: a:8\r\naccept: */*\r\nte: trailers\r\n"
            "cookie: a=1; b=2\r\ntransfer-encoding: chunked\r\n\r\n");
  char out[512];
  const size_t size = WriteRequestHead(head, {}, out, sizeof(out));
  EXPECT_EQ(
      std::string_view(out, size),
      "POST /x?y HTTP/1.1\r\nhost: a:8\r\naccept: */*\r\n"
      "cookie: a=1; b=2\r\ntransfer-encoding: chunked\r\nconnection: te\r\nte: trailers\r\n\r\n");
}

TEST(H2SessionTest, ReadsTheSameByteByByte) {
  const std::string input =
      HeadersFrame(1, PostBlock(), kH2EndHeaders) +
      Frame(H2FrameType::kData, kH2Padded, 1, FromHex("03") + "hello" + "xyz") +
      Frame(H2FrameType::kPing, 0, 0, "12345678") +
      Frame(H2FrameType::kData, kH2EndStream, 1, "!") +
      HeadersFrame(3, GetBlock().substr(0, 7), kH2EndStream) +
      Frame(H2FrameType::kContinuation, kH2EndHeaders, 3, GetBlock().substr(7));
  Server whole;
  Server crumbs;
  const std::vector<std::string> expected = whole.Feed(input);
  EXPECT_THAT(expected, ElementsAre("request 1 POST /", "data 1 hello", "data 1 ! end",
                                    "request 3 GET / end"));
  std::string joined;
  for (const char c : input) {
    for (const std::string& event : crumbs.Feed({&c, 1})) joined += event + "|";
  }
  EXPECT_EQ(joined,
            "request 1 POST /|data 1 h|data 1 e|data 1 l|data 1 l|data 1 o|data 1 ! end|"
            "request 3 GET / end|");
  EXPECT_EQ(whole.Output(), crumbs.Output());
}

TEST(H2SessionTest, GivesBackTheConnectionBeforeAStreamThatIsNotRead) {
  Server server({.stream_window = 65535, .connection_window = 65535});
  server.consumes = false;
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  for (int i = 0; i < 4; ++i) {
    server.Feed(Frame(H2FrameType::kData, 0, 1, std::string(16000, 'x')));
    server.session.ConsumeOfConnection(16000);
  }
  EXPECT_EQ(server.Output(), Frame(H2FrameType::kWindowUpdate, 0, 0, Number(64000)));
  server.session.ConsumeOfStream(1, 64000);
  EXPECT_EQ(server.Output(), Frame(H2FrameType::kWindowUpdate, 0, 1, Number(64000)));
}

TEST(H2SessionTest, RefusesTheRequestWhoseHeadIsTooMuchWithThoseThatAreOpen) {
  Server server({.open_heads_size_max = 100});
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  server.Feed(HeadersFrame(3, PostBlock(), kH2EndHeaders));
  EXPECT_THAT(server.Feed(HeadersFrame(5, PostBlock(), kH2EndHeaders)),
              ElementsAre("reset 5 7 h2_heads_held"));
  server.session.Reset(1, H2Error::kCancel);
  EXPECT_THAT(server.Feed(HeadersFrame(7, PostBlock(), kH2EndHeaders)),
              ElementsAre("request 7 POST /"));
}

TEST(H2SessionTest, TakesTheLastWindowOfASettingsFrame) {
  Client client;
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", false);
  client.Output();
  client.Feed(SettingsFrame({{4, 0}, {4, 0x7fffffff}, {4, 3}}));
  client.Output();
  client.Offer(1, "123456789", true);
  EXPECT_EQ(client.Output(), Frame(H2FrameType::kData, 0, 1, "123"));
}

TEST(H2StreamsTest, ForgetsTheMemoryOfManyStreamsOnceAsked) {
  H2Streams streams;
  for (uint32_t id = 1; id < 200; id += 2) streams.Add(id);
  streams.Trim();  // Not while one is open.
  EXPECT_NE(streams.Find(199), nullptr);
  streams.ForEach([&streams](H2Stream& stream) { streams.Remove(stream); });
  const size_t before = streams.memory_size();
  streams.Trim();
  EXPECT_LT(streams.memory_size(), before / 10);
  streams.Add(201);
  EXPECT_NE(streams.Find(201), nullptr);
}

TEST(H2SessionTest, HoldsLittleWhenIdle) {
  EXPECT_LE(sizeof(H2Session), 1024u);
  EXPECT_LE(sizeof(H2Stream), 160u);
}

}  // namespace
}  // namespace sluice::http
