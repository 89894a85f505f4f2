// Offers and choices of other protocols, and the handshake of WebSocket.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "userspace/base/text.h"
#include "userspace/http/h1_upgrade.h"
#include "userspace/http/websocket.h"

namespace sluice::http {
namespace {

std::string OffersOf(std::string_view fields) {
  const std::string text = base::Concat("GET / HTTP/1.1\r\nHost: t\r\n", fields, "\r\n");
  RequestHead head;
  EXPECT_EQ(ParseRequestHead(text, 0, H1Limits{}, &head).status, ParseStatus::kComplete);
  const std::string offered = OfferedProtocols(head);
  EXPECT_EQ(OffersProtocol(head), !offered.empty());
  return offered;
}

TEST(UpgradeTest, OffersAreTheClientsInItsOrder) {
  struct Case {
    std::string_view fields;
    std::string_view offered;
  };
  constexpr Case kCases[] = {
      {"", ""},
      {"Upgrade: websocket\r\n", "websocket"},
      {"Upgrade: WebSocket\r\n", "WebSocket"},
      {"Upgrade: SPDY/3.1 ,, foo\r\n", "SPDY/3.1, foo"},
      {"Upgrade: foo\r\nX: y\r\nUpgrade: bar/1, foo\r\n", "foo, bar/1, foo"},
      {"Upgrade: h2c\r\n", ""},
      {"Upgrade: H2C, websocket\r\n", "websocket"},
      {"Upgrade: a b, \"c\", /1, d/, e/1/2, f\r\n", "f"},
  };
  for (const Case& one : kCases) EXPECT_EQ(OffersOf(one.fields), one.offered) << one.fields;
}

TEST(UpgradeTest, AChoiceIsOfWhatWasOffered) {
  struct Case {
    std::string_view offered;
    std::string_view chosen;
    bool is_sound;
  };
  constexpr Case kCases[] = {
      {"websocket", "websocket", true},
      {"websocket", "WebSocket", true},
      {"a, b/1", "b/1", true},
      {"a, b/1", "b/1, a", true},
      {"a, b/1", "b", false},
      {"a, b/1", "a, c", false},
      {"a", "", false},
      {"a", " , ", false},
      {"", "a", false},
      {"a~b", "a^b", false},
  };
  for (const Case& one : kCases) {
    EXPECT_EQ(IsChosenFrom(one.offered, one.chosen), one.is_sound) << one.chosen;
  }
}

// The first is that of RFC 6455 section 1.3; the lengths are those around the ends of a block.
TEST(WebSocketTest, TheAnswerToAKeyIsThatOfOthers) {
  EXPECT_EQ(WebSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(WebSocketAccept(std::string(0, 'k')), "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
  EXPECT_EQ(WebSocketAccept(std::string(19, 'k')), "tWclcP21hrR+xgjYVswtQRW71GQ=");
  EXPECT_EQ(WebSocketAccept(std::string(20, 'k')), "tSsjsIAvEVIQ+IC5K8+T/OkG8nU=");
  EXPECT_EQ(WebSocketAccept(std::string(27, 'k')), "qUNe7W8rvas6tQS5F4QBTf/JpvE=");
  EXPECT_EQ(WebSocketAccept(std::string(28, 'k')), "x9bmfLYIxLMaaT5h0sFuRlAhhb8=");
  EXPECT_EQ(WebSocketAccept(std::string(91, 'k')), "Mxd/SwBPfhz1zQHW7M6srlOA0TM=");
  EXPECT_EQ(WebSocketAccept(std::string(92, 'k')), "LY9EluoxzTck+ySKVLqXrQNaqCc=");
}

std::string_view FaultOf(std::string_view fields) {
  const std::string text = base::Concat("HTTP/1.1 101 Yes\r\n", fields, "\r\n");
  ResponseHead head;
  EXPECT_EQ(ParseResponseHead(text, 0, H1Limits{}, "GET", &head, true).status,
            ParseStatus::kComplete);
  return WebSocketFault(
      "GET / HTTP/1.1\r\nx: sec-websocket-key: a\r\n"
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nhost: t\r\n\r\n",
      head);
}

TEST(WebSocketTest, AHandshakeIsChecked) {
  constexpr std::string_view kSound = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  constexpr std::string_view kUpgrade = "Connection: keep-alive, Upgrade\r\n";
  EXPECT_EQ(FaultOf(base::Concat(kUpgrade, kSound)), "");
  EXPECT_NE(FaultOf(kUpgrade), "");
  EXPECT_NE(FaultOf(kSound), "");
  EXPECT_NE(FaultOf(base::Concat(kUpgrade, kSound, kSound)), "");
  EXPECT_NE(FaultOf(base::Concat(kUpgrade, "Sec-WebSocket-Accept:\r\n")), "");
  EXPECT_NE(
      FaultOf(base::Concat(kUpgrade, "Sec-WebSocket-Accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n")),
      "");
}

}  // namespace
}  // namespace sluice::http
