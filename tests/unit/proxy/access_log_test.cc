#include "userspace/proxy/access_log.h"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

AccessEntry HttpEntry() {
  return {.protocol = "http",
          .pod = "shop/client",
          .client = *base::SocketAddress::Parse("10.0.0.1:40000"),
          .dialled = *base::SocketAddress::Parse("10.96.0.1:80"),
          .endpoint = *base::SocketAddress::Parse("[fd00::7]:8080"),
          .method = "GET",
          .authority = "web",
          .path = "/a",
          .status = 200,
          .route = "shop/split",
          .backend = "shop/web:80",
          .bytes_from_client = 10,
          .bytes_to_client = 20,
          .duration_us = 30,
          .reason = CloseReason::kDone};
}

TEST(AccessLogTest, WritesARequestAsText) {
  EXPECT_EQ(FormatAccessEntry(HttpEntry(), AccessLogFormat::kText, "T"),
            "time=\"T\" protocol=\"http\" pod=\"shop/client\" client=\"10.0.0.1:40000\" "
            "dialled=\"10.96.0.1:80\" endpoint=\"[fd00::7]:8080\" method=\"GET\" authority=\"web\" "
            "path=\"/a\" status=200 route=\"shop/split\" backend=\"shop/web:80\" "
            "bytes_from_client=10 bytes_to_client=20 duration_us=30 reason=\"done\"\n");
}

TEST(AccessLogTest, WritesARequestAsOneJsonObjectPerLine) {
  EXPECT_EQ(
      FormatAccessEntry(HttpEntry(), AccessLogFormat::kJson, "T"),
      "{\"time\":\"T\",\"protocol\":\"http\",\"pod\":\"shop/client\","
      "\"client\":\"10.0.0.1:40000\",\"dialled\":\"10.96.0.1:80\","
      "\"endpoint\":\"[fd00::7]:8080\",\"method\":\"GET\",\"authority\":\"web\",\"path\":\"/a\","
      "\"status\":200,\"route\":\"shop/split\",\"backend\":\"shop/web:80\","
      "\"bytes_from_client\":10,\"bytes_to_client\":20,\"duration_us\":30,\"reason\":\"done\"}\n");
}

TEST(AccessLogTest, LeavesOutWhatATcpConnectionDoesNotHave) {
  const AccessEntry entry{.protocol = "tcp",
                          .client = *base::SocketAddress::Parse("10.0.0.1:1"),
                          .dialled = *base::SocketAddress::Parse("10.0.0.2:2"),
                          .reason = CloseReason::kConnectFailed};

  EXPECT_EQ(FormatAccessEntry(entry, AccessLogFormat::kText, "T"),
            "time=\"T\" protocol=\"tcp\" client=\"10.0.0.1:1\" dialled=\"10.0.0.2:2\" "
            "bytes_from_client=0 bytes_to_client=0 duration_us=0 reason=\"connect_failed\"\n");
}

TEST(AccessLogTest, EscapesWhatWouldBreakALine) {
  AccessEntry entry = HttpEntry();
  entry.path = "/\"\\\n\x1b\xff";

  const std::string line = FormatAccessEntry(entry, AccessLogFormat::kJson, "T");

  EXPECT_NE(line.find("\"path\":\"/\\\"\\\\\\u000a\\u001b\\u00ff\""), std::string::npos) << line;
}

}  // namespace
}  // namespace sluice::proxy
