// Sections 8 and 10 of RFC 9113: HTTP over HTTP/2. Tests are named after the section;
// tests/unit/http/musts.tsv lists what each section demands.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/h2_frames.h"

namespace sluice::http {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kPost =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// A request to "/" at "a" with these fields in front of and behind its pseudo-header fields.
std::string Request(std::initializer_list<HpackEntry> before,
                    std::initializer_list<HpackEntry> behind = {}) {
  return HeadersFrame(1, Block(before) + GetBlock() + Block(behind));
}

// What a client sends for a request in the form of HTTP/1.1.
std::vector<std::string> SentFor(std::string_view text, const H2RequestForm& form = {}) {
  Client client;
  client.Send(text, true, form);
  HpackDecoder decoder(4096);
  return FieldsOf(client.Output(), decoder);
}

TEST(H2Rfc9113Test, Section8_1NothingComesBetweenAHeadAndItsContinuation) {
  ServerFails(H2Error::kProtocolError,
              {"headers 1 e x82~data 1 e ta", "headers 1 e x82~window 0 - u1",
               "headers 1 e x82~priority 3 - z5", "headers 1 e x82~t77 1 -"});
}

TEST(H2Rfc9113Test, Section8_1TrailersHaveNoPseudoHeaders) {
  ServerResets(H2Error::kProtocolError, {"headers 1 h post~headers 1 eh [:path: /]",
                                         "headers 1 h post~headers 1 eh [x: y|:status: 200]"});
  ClientResets(H2Error::kProtocolError, {"headers 1 h [:status: 200]~headers 1 eh [:status: 200]"});
}

TEST(H2Rfc9113Test, Section8_1ASecondHeadThatDoesNotEndIsMalformed) {
  ServerResets(H2Error::kProtocolError, {"headers 1 h post~headers 1 h [x: y]"});
  ClientResets(H2Error::kProtocolError, {"headers 1 h [:status: 200]~headers 1 h [x: y]"});
}

TEST(H2Rfc9113Test, Section8_1AWholeAnswerIsKeptWhenAResetWithoutErrorFollows) {
  Client client;
  client.Send(kPost, false);
  EXPECT_THAT(client.Feed(ScriptInput("headers 1 h [:status: 200]~data 1 e tall of it~rst 1 - u0")),
              ElementsAre("response 1 200", "data 1 all of it end", "reset 1 0 none"));
}

TEST(H2Rfc9113Test, Section8_1_1MalformedRequestsResetTheirStream) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: GET]", "headers 1 eh [a: b]",
                "headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|A: b]",
                "headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|x: a\nb]",
                "headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|upgrade: x]"});
}

TEST(H2Rfc9113Test, Section8_1_1ALengthThatIsNotThatOfTheContentIsMalformed) {
  constexpr const char* kFive =
      "headers 1 h [:method: POST|:scheme: http|:path: /|:authority: a|content-length: 5]";
  for (const char* rest : {"~data 1 e tabcd", "~data 1 - tabcdef", "~data 1 e",
                           "~data 1 - tabc~headers 1 eh [x: y]"}) {
    ServerResets(H2Error::kProtocolError, {base::Concat(kFive, rest).c_str()});
  }
  ClientResets(H2Error::kProtocolError,
               {"headers 1 eh [:status: 200|content-length: 1]",
                "headers 1 h [:status: 200|content-length: 1]~data 1 - tab"});
}

TEST(H2Rfc9113Test, Section8_1_1AClientTakesNoMalformedAnswer) {
  ClientResets(H2Error::kProtocolError,
               {"headers 1 eh [a: b]", "headers 1 eh [:status: 200|X: y]",
                "headers 1 eh [:status: 200|connection: close]", "headers 1 eh [:status: 2]",
                "headers 1 eh [:status: 100]", "data 1 e ta"});
}

TEST(H2Rfc9113Test, Section8_2NamesAreSentInLowerCase) {
  const std::string long_name(80, 'X');
  EXPECT_THAT(SentFor(base::Concat("GET / HTTP/1.1\r\nHost: h\r\nX-AMZ^_`|~!09: Value\r\n",
                                   long_name, ": y\r\n\r\n")),
              ElementsAre(":method: GET", ":scheme: http", ":path: /", ":authority: h",
                          "x-amz^_`|~!09: Value", std::string(80, 'x') + ": y"));
}

TEST(H2Rfc9113Test, Section8_2_1NamesHaveNoForbiddenByte) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_forbidden =
        byte <= 0x20 || (byte >= 0x41 && byte <= 0x5a) || byte >= 0x7f || byte == ':';
    if (!is_forbidden) continue;
    const std::string name = std::string("x") + static_cast<char>(byte) + "y";
    Server server;
    EXPECT_THAT(server.Feed(Request({}, {{name, "v"}})),
                ElementsAre("reset 1 1 h2_header_name_invalid"))
        << byte;
    Server at_trailers;
    at_trailers.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
    EXPECT_THAT(at_trailers.Feed(HeadersFrame(1, Block({{name, "v"}}))),
                ElementsAre("reset 1 1 h2_header_name_invalid"))
        << byte;
    AskingClient client;
    EXPECT_THAT(client.Feed(HeadersFrame(1, Block({{":status", "200"}, {name, "v"}}))),
                ElementsAre("reset 1 1 h2_header_name_invalid"))
        << byte;
  }
}

TEST(H2Rfc9113Test, Section8_2_1ValuesHaveNoLineEndNulOrSurroundingSpace) {
  using std::string_literals::operator""s;
  for (const std::string& value :
       {"a\0b"s, "\0"s, "a\nb"s, "a\n"s, "\rb"s, "a\rb"s, " a"s, "a "s, "\ta"s, "a\t"s, " "s}) {
    Server server;
    EXPECT_THAT(server.Feed(Request({}, {{"x", value}})),
                ElementsAre("reset 1 1 h2_header_value_invalid"));
    AskingClient client;
    EXPECT_THAT(client.Feed(HeadersFrame(1, Block({{":status", "200"}, {"x", value}}))),
                ElementsAre("reset 1 1 h2_header_value_invalid"));
  }
}

TEST(H2Rfc9113Test, Section8_2_2AnAnswersConnectionFieldsStayBehind) {
  Server server;
  server.Feed(HeadersFrame(1, GetBlock()));
  server.session.SubmitResponse(
      1,
      ParseResponse("HTTP/1.1 200 OK\r\nConnection: x-a, keep-alive\r\nX-A: 1\r\nKeep-Alive: 5\r\n"
                    "Proxy-Connection: x\r\nTransfer-Encoding: chunked\r\nX-B: 2\r\n\r\n"),
      true);
  HpackDecoder decoder(4096);
  EXPECT_THAT(FieldsOf(server.Output(), decoder), ElementsAre(":status: 200", "x-b: 2"));
}

TEST(H2Rfc9113Test, Section8_2_2ConnectionFieldsAreMalformed) {
  for (const char* name :
       {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"}) {
    Server server;
    EXPECT_THAT(server.Feed(Request({}, {{name, "x"}})),
                ElementsAre("reset 1 1 h2_connection_header"));
    AskingClient client;
    EXPECT_THAT(client.Feed(HeadersFrame(1, Block({{":status", "200"}, {name, "x"}}))),
                ElementsAre("reset 1 1 h2_connection_header"));
  }
}

TEST(H2Rfc9113Test, Section8_2_2TeSaysTrailersOrNothing) {
  for (const char* value : {"gzip", "trailers, gzip", "trailers;q=1", ""}) {
    Server server;
    EXPECT_THAT(server.Feed(Request({}, {{"te", value}})), ElementsAre("reset 1 1 h2_te_invalid"));
  }
  EXPECT_THAT(SentFor("GET / HTTP/1.1\r\nHost: h\r\nConnection: te\r\nTE: gzip, trailers\r\n\r\n"),
              Not(Contains(HasSubstr("gzip"))));
}

TEST(H2Rfc9113Test, Section8_3OnlyDefinedPseudoHeadersAreSent) {
  EXPECT_THAT(SentFor("GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"),
              ElementsAre(":method: GET", ":scheme: http", ":path: /a?b", ":authority: h"));
  Server server;
  server.Feed(HeadersFrame(1, GetBlock()));
  server.session.SubmitResponse(1, ParseResponse(kOk), true);
  HpackDecoder decoder(4096);
  EXPECT_THAT(FieldsOf(server.Output(), decoder), ElementsAre(":status: 200"));
}

TEST(H2Rfc9113Test, Section8_3PseudoHeadersOfTheOtherSideAreMalformed) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|:status: 200]"});
  ClientResets(H2Error::kProtocolError,
               {"headers 1 eh [:status: 200|:path: /]", "headers 1 eh [:method: GET|a: b]"});
}

TEST(H2Rfc9113Test, Section8_3PseudoHeadersDoNotComeInTrailers) {
  ServerResets(H2Error::kProtocolError, {"headers 1 h post~headers 1 eh [:method: GET]"});
}

TEST(H2Rfc9113Test, Section8_3UndefinedPseudoHeadersAreMalformed) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|:foo: b]",
                "headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|:: b]"});
  ClientResets(H2Error::kProtocolError, {"headers 1 eh [:status: 200|:foo: b]"});
}

TEST(H2Rfc9113Test, Section8_3PseudoHeadersComeFirst) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: GET|:scheme: http|:path: /|a: b|:authority: a]"});
  ClientResets(H2Error::kProtocolError, {"headers 1 eh [a: b|:status: 200]"});
}

TEST(H2Rfc9113Test, Section8_3PseudoHeadersComeOnce) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: GET|:method: GET|:scheme: http|:path: /|:authority: a]",
                "headers 1 eh [:method: GET|:scheme: http|:path: /|:path: /b|:authority: a]"});
  ClientResets(H2Error::kProtocolError, {"headers 1 eh [:status: 200|:status: 200]"});
}

TEST(H2Rfc9113Test, Section8_3_1AuthorityIsWhatCounts) {
  Server server;
  server.Feed(Request({}, {{"host", "A"}}));
  EXPECT_EQ(server.buffer.request.authority, "a");
  ASSERT_EQ(server.buffer.request.header_count, 1u);
  EXPECT_EQ(server.buffer.request.headers()[0].value, "a");
}

TEST(H2Rfc9113Test, Section8_3_1AHostThatDiffersIsMalformed) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|host: b]",
                "headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|host: a:443]",
                "headers 1 eh [:method: GET|:scheme: https|:path: /|:authority: a|host: a:80]"});
}

TEST(H2Rfc9113Test, Section8_3_1HostIsComparedAsTheSchemeSays) {
  for (const char* script :
       {"headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a|host: a:80]",
        "headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: a:80|host: A]",
        "headers 1 eh [:method: GET|:scheme: https|:path: /|:authority: a:443|host: a]"}) {
    Server server;
    EXPECT_THAT(server.Feed(ScriptInput(script)), ElementsAre("request 1 GET / end")) << script;
  }
}

TEST(H2Rfc9113Test, Section8_3_1AuthorityIsMadeOfTheTargetAndHostIsNotSent) {
  EXPECT_THAT(SentFor("GET http://H/x?y HTTP/1.1\r\nHost: H\r\n\r\n"),
              ElementsAre(":method: GET", ":scheme: http", ":path: /x?y", ":authority: H"));
}

TEST(H2Rfc9113Test, Section8_3_1WithoutAnAuthorityNoneIsMade) {
  EXPECT_THAT(SentFor("GET / HTTP/1.0\r\n\r\n"),
              ElementsAre(":method: GET", ":scheme: http", ":path: /"));
}

TEST(H2Rfc9113Test, Section8_3_1UserinfoIsRefused) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: GET|:scheme: http|:path: /|:authority: u@a]",
                "headers 1 eh [:method: GET|:scheme: https|:path: /|:authority: u:p@a]"});
}

TEST(H2Rfc9113Test, Section8_3_1AnEmptyPathIsMalformed) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: GET|:scheme: http|:path: |:authority: a]",
                "headers 1 eh [:method: OPTIONS|:scheme: http|:path: |:authority: a]"});
}

TEST(H2Rfc9113Test, Section8_3_1APathThatIsMissingIsSentAsASlashOrAStar) {
  EXPECT_THAT(SentFor("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"), Contains(":path: /"));
  EXPECT_THAT(SentFor("GET http://h?a HTTP/1.1\r\nHost: h\r\n\r\n"), Contains(":path: /?a"));
  EXPECT_THAT(SentFor("OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n"), Contains(":path: *"));
  EXPECT_THAT(SentFor("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), Contains(":path: *"));
}

TEST(H2Rfc9113Test, Section8_3_1ARequestHasMethodSchemeAndPath) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:scheme: http|:path: /|:authority: a]",
                "headers 1 eh [:method: GET|:path: /|:authority: a]",
                "headers 1 eh [:method: GET|:scheme: http|:authority: a]"});
}

TEST(H2Rfc9113Test, Section8_3_2AnAnswerHasAStatus) {
  ClientResets(H2Error::kProtocolError,
               {"headers 1 eh [a: b]", "headers 1 h [:status: 103]~headers 1 h [a: b]"});
  Server server;
  server.Feed(HeadersFrame(1, GetBlock()));
  server.session.SubmitResponse(1, ParseResponse("HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n"),
                                false);
  server.session.SubmitResponse(1, ParseResponse(kOk), true);
  HpackDecoder decoder(4096);
  EXPECT_THAT(FieldsOf(server.Output(), decoder),
              ElementsAre(":status: 103", "x: y", ":status: 200"));
}

TEST(H2Rfc9113Test, Section8_4AServerTakesNoPush) {
  ServerFails(H2Error::kProtocolError, {"headers 1 h post~push 1 h u2+get"});
}

TEST(H2Rfc9113Test, Section8_5ConnectIsSentWithoutSchemeAndPath) {
  EXPECT_THAT(SentFor("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
              ElementsAre(":method: CONNECT", ":authority: a:80"));
}

TEST(H2Rfc9113Test, Section8_5ConnectWithSchemeOrPathIsMalformed) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 eh [:method: CONNECT|:scheme: http|:authority: a:80]",
                "headers 1 eh [:method: CONNECT|:path: /|:authority: a:80]",
                "headers 1 eh [:method: CONNECT]"});
}

constexpr std::string_view kConnect = "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n";

TEST(H2Rfc9113Test, Section8_5AHeadInATunnelResetsIt) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 h [:method: CONNECT|:authority: a:80]~headers 1 eh [x: y]",
                "headers 1 h [:method: CONNECT|:authority: a:80]~data 1 - ta~headers 1 h [x: y]"});
  Client client;
  client.Send(kConnect, false);
  client.Output();
  ExpectResets(client, "headers 1 h [:status: 200]~data 1 - ta~headers 1 eh [x: y]",
               H2Error::kProtocolError);
}

TEST(H2Rfc9113Test, Section8_5NoTrailersAreSentIntoATunnel) {
  const Header trailer = {.name = "x", .value = "y"};
  Server server;
  server.Feed(ScriptInput("headers 1 h [:method: CONNECT|:authority: a:80]"));
  server.session.SubmitResponse(1, ParseResponse("HTTP/1.1 200 OK\r\n\r\n", "CONNECT"), false);
  EXPECT_FALSE(server.session.SubmitTrailers(1, {&trailer, 1}));
  Client client;
  client.Send(kConnect, false);
  client.Feed(ScriptInput("headers 1 h [:status: 200]"));
  EXPECT_FALSE(client.session.SubmitTrailers(1, {&trailer, 1}));
}

TEST(H2Rfc9113Test, Section8_5AnAnswerThatDeclinesATunnelMayHaveTrailers) {
  Client client;
  client.Send(kConnect, false);
  EXPECT_THAT(
      client.Feed(ScriptInput("headers 1 h [:status: 403]~data 1 - tno~headers 1 eh [x: y]")),
      ElementsAre("response 1 403", "data 1 no", "trailers 1 1 end"));
}

TEST(H2Rfc9113Test, Section8_7OnlyAStreamThatNobodySawIsRefused) {
  Server server({.stream_count_max = 1});
  server.Feed(HeadersFrame(1, PostBlock(), kH2EndHeaders));
  EXPECT_THAT(server.Feed(HeadersFrame(3, GetBlock())),
              ElementsAre("reset 3 7 h2_streams_exceeded"));  // Never a request.
  ExpectResets(server, "window 1 - u0", H2Error::kProtocolError);
}

TEST(H2Rfc9113Test, Section8_7GoawayNamesEveryStreamThatWasSeen) {
  Server server;
  server.Feed(ScriptInput("headers 1 eh get~headers 7 eh get~window 0 - u0"));
  const std::vector<SentFrame> frames = SplitFrames(server.Output());
  EXPECT_EQ(ReadU32(frames.back().payload.data()), 7u);
}

// Whatever is taken from HTTP/2 is what a strict parser of HTTP/1.1 reads from the bytes.
TEST(H2Rfc9113Test, Section10_3WhatIsTranslatedReadsTheSame) {
  Server server;
  server.Feed(HeadersFrame(1,
                           Block({{":method", "POST"},
                                  {":scheme", "http"},
                                  {":path", "/a?b=c"},
                                  {":authority", "h:8"},
                                  {"cookie", "a=1"},
                                  {"x", "y: z"},
                                  {"cookie", "b=2"},
                                  {"content-length", "5"}}),
                           kH2EndHeaders));
  const RequestHead& head = server.buffer.request;
  RequestHead again;
  ASSERT_EQ(ParseRequestHead({head.method.data(), head.head_size}, 0, H1Limits{}, &again).status,
            ParseStatus::kComplete);
  EXPECT_EQ(again.target, head.target);
  EXPECT_EQ(again.authority, head.authority);
  EXPECT_EQ(again.content_length, 5u);
  ASSERT_EQ(again.header_count, head.header_count);
  for (uint32_t i = 0; i < head.header_count; ++i) {
    EXPECT_EQ(again.headers()[i].name, head.headers()[i].name);
    EXPECT_EQ(again.headers()[i].value, head.headers()[i].value);
  }
}

TEST(H2Rfc9113Test, Section10_3FieldsOfOneConnectionAreNotForwarded) {
  EXPECT_THAT(SentFor("GET / HTTP/1.1\r\nHost: h\r\nConnection: x-a\r\nX-A: 1\r\n"
                      "Keep-Alive: 5\r\nX-B: 2\r\n\r\n"),
              ElementsAre(":method: GET", ":scheme: http", ":path: /", ":authority: h", "x-b: 2"));
}

TEST(H2Rfc9113Test, Section10_5_1ABlockThatIsTooLargeStillChangesTheTable) {
  Server server({.header_list_size_max = 400});
  server.Feed(
      HeadersFrame(1, GetBlock() + Literal("a", std::string(500, 'x')) + Literal("x-shared", "1")));
  server.Feed(HeadersFrame(3, GetBlock() + "\xbe"));
  EXPECT_EQ(server.buffer.request.headers().back().name, "x-shared");
}

}  // namespace
}  // namespace sluice::http
