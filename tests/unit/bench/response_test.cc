#include "bench/load/response.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice::bench {
namespace {

using State = ResponseReader::State;

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello";

State StateAfter(std::string_view bytes) {
  ResponseReader reader;
  reader.Feed(bytes);
  return reader.state();
}

TEST(ResponseReader, ReadsAWholeAnswerAndNotMore) {
  ResponseReader reader;
  EXPECT_EQ(reader.Feed(std::string(kAnswer) + "HTTP"), kAnswer.size());
  EXPECT_EQ(reader.state(), State::kComplete);
  EXPECT_EQ(reader.status(), 200);
}

TEST(ResponseReader, ReadsTheSameInPiecesOfAnySize) {
  for (size_t size = 1; size < kAnswer.size(); ++size) {
    ResponseReader reader;
    for (size_t begin = 0; begin < kAnswer.size(); begin += size) {
      const std::string_view piece = kAnswer.substr(begin, size);
      EXPECT_EQ(reader.Feed(piece), piece.size());
    }
    EXPECT_EQ(reader.state(), State::kComplete) << size;
  }
}

TEST(ResponseReader, PassesOverInterimAnswers) {
  ResponseReader reader;
  const std::string both = "HTTP/1.1 100 Continue\r\n\r\n" + std::string(kAnswer);
  EXPECT_EQ(reader.Feed(both), both.size());
  EXPECT_EQ(reader.status(), 200);
}

TEST(ResponseReader, KnowsTheLastAnswerOfAConnection) {
  ResponseReader reader;
  reader.Feed("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nConnection: Close\r\n\r\n");
  EXPECT_EQ(reader.state(), State::kComplete);
  EXPECT_TRUE(reader.is_last());
}

TEST(ResponseReader, NeedsNoLengthWhereThereIsNoBody) {
  EXPECT_EQ(StateAfter("HTTP/1.1 204 No Content\r\n\r\n"), State::kComplete);
}

TEST(ResponseReader, RefusesWhatItCannotFrame) {
  for (const std::string_view bad :
       {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "garbage\r\n\r\n"}) {
    EXPECT_EQ(StateAfter(bad), State::kBad) << bad;
  }
}

TEST(ResponseReader, RefusesAHeadWithoutEnd) {
  EXPECT_EQ(StateAfter(std::string(ResponseReader::kHeadSizeMax + 1, 'x')), State::kBad);
}

}  // namespace
}  // namespace sluice::bench
