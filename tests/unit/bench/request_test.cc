#include "bench/server/request.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice::bench {
namespace {

using Kind = Request::Kind;

TEST(AnswerSize, IsWhatThePathSays) {
  EXPECT_EQ(AnswerSizeOf("/0"), 0u);
  EXPECT_EQ(AnswerSizeOf("/100"), 100u);
  EXPECT_EQ(AnswerSizeOf("/16k"), 16u * 1024);
  EXPECT_EQ(AnswerSizeOf("/16m"), kAnswerSizeMax);
}

TEST(AnswerSize, IsNoneOfAnyOtherPath) {
  for (const std::string_view path :
       {"", "/", "1k", "/k", "/1g", "/1kk", "/17m", "/-1", "/99999999999999999999"}) {
    EXPECT_EQ(AnswerSizeOf(path), std::string_view::npos) << path;
  }
}

TEST(ReadRequest, ReadsHeadAndBody) {
  const std::string text =
      "POST /1k HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nConnection: close\r\n\r\n";
  const Request request = ReadRequest(text + "abc");
  EXPECT_EQ(request.kind, Kind::kGood);
  EXPECT_EQ(request.head_size, text.size());
  EXPECT_EQ(request.body_size, 12u);
  EXPECT_EQ(request.answer_size, 1024u);
  EXPECT_TRUE(request.is_last);
}

TEST(ReadRequest, WaitsForTheWholeHead) {
  EXPECT_EQ(ReadRequest("GET /1k HTTP/1.1\r\nHost: a\r\n").kind, Kind::kIncomplete);
  EXPECT_EQ(ReadRequest(std::string(kHeadSizeMax, 'x')).kind, Kind::kBad);
}

TEST(ReadRequest, TellsTheUnknownFromTheBroken) {
  EXPECT_EQ(ReadRequest("GET /index.html HTTP/1.1\r\n\r\n").kind, Kind::kNotFound);
  for (const std::string_view bad :
       {"GET /1k HTTP/1.0\r\n\r\n", "GET\r\n\r\n", "GET /1k HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /1k HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "GET /1k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    EXPECT_EQ(ReadRequest(bad).kind, Kind::kBad) << bad;
  }
}

}  // namespace
}  // namespace sluice::bench
