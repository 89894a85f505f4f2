// Extended CONNECT. Tests are named after the section of RFC 8441; tests/unit/http/musts.tsv lists
// what each section demands.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/h2_frames.h"

namespace sluice::http {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

constexpr std::string_view kUpgrade =
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";

TEST(H2Rfc8441Test, Section3TheOfferIsZeroOrOne) {
  ServerFails(H2Error::kProtocolError, {"settings 0 - s8=2", "settings 0 - s8=4294967295"});
  Endpoint server(H2Role::kServer);
  EXPECT_NE(server.Output().find(FromHex("000800000001")), std::string::npos);
}

TEST(H2Rfc8441Test, Section3AnOfferIsNotWithdrawn) {
  ServerFails(H2Error::kProtocolError, {"settings 0 - s8=1~settings 0 - s8=0"});
  Server server;  // Its own SETTINGS are sent once.
  server.Feed(SettingsFrame({{8, 1}}));
  server.session.Drain(server.now_ns);
  EXPECT_THAT(SplitFrames(server.Output())[0].header.size, 0u);
}

TEST(H2Rfc8441Test, Section4SchemeAndPathComeWithTheProtocol) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 h [:method: CONNECT|:path: /|:authority: a|:protocol: websocket]",
                "headers 1 h [:method: CONNECT|:scheme: http|:authority: a|:protocol: websocket]"});
  Client client;
  client.Send(kUpgrade, false, {.protocol = "websocket"});
  HpackDecoder decoder(4096);
  EXPECT_THAT(FieldsOf(client.Output(), decoder),
              ElementsAre(":method: CONNECT", ":scheme: http", ":path: /chat",
                          ":protocol: websocket", ":authority: h", "sec-websocket-version: 13"));
}

TEST(H2Rfc8441Test, Section4NoTunnelIsMadeToTheAuthority) {
  Server server;
  EXPECT_THAT(server.Feed(ScriptInput("headers 1 h [:method: CONNECT|:scheme: http|:path: /chat|"
                                      ":authority: a:80|:protocol: websocket]")),
              ElementsAre("request 1 GET /chat"));  // Routed like any other request.
  EXPECT_EQ(server.buffer.request.authority, "a:80");
}

TEST(H2Rfc8441Test, Section5AWebSocketNamesItsProtocolAndScheme) {
  for (const bool is_https : {false, true}) {
    Client client;
    client.Send(kUpgrade, false, {.is_https = is_https, .protocol = "websocket"});
    HpackDecoder decoder(4096);
    const std::vector<std::string> fields = FieldsOf(client.Output(), decoder);
    EXPECT_EQ(fields[1], is_https ? ":scheme: https" : ":scheme: http");
    EXPECT_EQ(fields[3], ":protocol: websocket");
  }
}

TEST(H2Rfc8441Test, Section5UpgradeAndConnectionAreNotPartOfIt) {
  ServerResets(H2Error::kProtocolError,
               {"headers 1 h [:method: CONNECT|:scheme: http|:path: /|:authority: a|"
                ":protocol: websocket|upgrade: websocket]",
                "headers 1 h [:method: CONNECT|:scheme: http|:path: /|:authority: a|"
                ":protocol: websocket|connection: upgrade]"});
  Client client;
  client.Send(kUpgrade, false, {.protocol = "websocket"});
  HpackDecoder decoder(4096);
  for (const std::string& field : FieldsOf(client.Output(), decoder)) {
    EXPECT_FALSE(field.starts_with("upgrade:") || field.starts_with("connection:")) << field;
  }
}

}  // namespace
}  // namespace sluice::http
