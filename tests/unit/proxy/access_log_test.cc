#include "userspace/proxy/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "userspace/base/unique_fd.h"

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

uint64_t Dropped(const Counters& counters) {
  return counters.value(static_cast<size_t>(Counter::kLogDropped));
}

TEST(AccessLogTest, CountsTheLinesThatTheLogRefuses) {
  const base::UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  Counters counters;
  AccessLog log(AccessLogFormat::kJson, full.get(), counters);
  for (int i = 0; i < 3; ++i) log.Append(HttpEntry());

  log.Flush();

  EXPECT_EQ(Dropped(counters), 3u);
}

TEST(AccessLogTest, KeepsABoundedPartForALogThatIsSlowAndWholeLinesOnly) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const base::UniqueFd reader(ends[0]);
  const base::UniqueFd writer(ends[1]);
  Counters counters;
  AccessLog log(AccessLogFormat::kText, writer.get(), counters);
  const size_t line_size = FormatAccessEntry(HttpEntry(), AccessLogFormat::kText, "").size();
  uint64_t appended = 0;

  for (; Dropped(counters) < 100 && appended < 100'000; ++appended) {
    log.Append(HttpEntry());
    log.Flush();
  }
  std::string told;
  char part[65536];
  for (ssize_t size; (size = read(reader.get(), part, sizeof part)) > 0; log.Flush())
    told.append(part, static_cast<size_t>(size));

  EXPECT_EQ(Dropped(counters), 100u);
  EXPECT_LT(appended * line_size, 2u << 20);
  EXPECT_EQ(static_cast<uint64_t>(std::count(told.begin(), told.end(), '\n')), appended - 100);
  EXPECT_EQ(told.back(), '\n');
}

}  // namespace
}  // namespace sluice::proxy
