#include "tests/unit/http/golden.h"
#include "userspace/http/h1.h"
#include "userspace/http/h1_reasons.h"

namespace sluice::http {
namespace {

struct Fed {
  size_t consumed = 0;
  ParseStatus status = ParseStatus::kNeedMore;
  BadReason bad{};
  uint64_t body_size = 0;
  bool operator==(const Fed&) const = default;
};

// Feeds `input` in pieces: the first of `first` bytes, further ones of `step`; each piece ends at
// unreadable memory.
Fed FeedPieces(GuardedText& memory, BodyFramer& framer, std::string_view input, size_t first,
               size_t step) {
  Fed fed;
  size_t size = std::min(first, input.size());
  while (!input.empty() && fed.status == ParseStatus::kNeedMore) {
    const BodyFramer::Progress progress = framer.Feed(memory.Place(input.substr(0, size)));
    fed.consumed += progress.consumed;
    fed.status = progress.status;
    fed.bad = progress.bad;
    EXPECT_TRUE(progress.status != ParseStatus::kNeedMore || progress.consumed == size);
    input.remove_prefix(size);
    size = std::min(step, input.size());
  }
  fed.body_size = framer.body_size();
  return fed;
}

Fed FeedChunked(GuardedText& memory, std::string_view input, size_t first, size_t step) {
  const H1Limits limits;
  BodyFramer framer;
  framer.Start(BodyKind::kChunked, 0, limits);
  return FeedPieces(memory, framer, input, first, step);
}

template <typename Check>
void FeedInEveryWay(const std::string& input, Check check) {
  constexpr size_t kStepsMax = 600;
  GuardedText memory(kGoldenInputMax);
  const Fed whole = FeedChunked(memory, input, input.size(), 1);
  check(whole);
  EXPECT_EQ(FeedChunked(memory, input, 1, 1), whole);
  for (size_t cut = 1; cut < input.size(); cut += input.size() / kStepsMax + 1) {
    EXPECT_EQ(FeedChunked(memory, input, cut, input.size()), whole) << "cut at " << cut;
  }
}

TEST(BodyFramerTest, RefusesEveryHostileChunkedBodyTheSameHoweverItIsCut) {
  for (const GoldenRow& row : ReadTable("chunked_reject.tsv")) {
    SCOPED_TRACE(row.name);
    FeedInEveryWay(row.input, [&row](const Fed& fed) {
      EXPECT_EQ(fed.status, ParseStatus::kBad);
      EXPECT_EQ(BadReasonName(fed.bad), row.expected);
    });
  }
}

TEST(BodyFramerTest, FollowsEverySoundChunkedBodyTheSameHoweverItIsCut) {
  for (const GoldenRow& row : ReadTable("chunked_accept.tsv")) {
    SCOPED_TRACE(row.name);
    FeedInEveryWay(row.input, [&row](const Fed& fed) {
      EXPECT_EQ(fed.status, ParseStatus::kComplete) << BadReasonName(fed.bad);
      const std::string rest = row.input.substr(fed.consumed);
      const size_t mark = row.expected.find(" rest=");
      EXPECT_EQ("body=" + std::to_string(fed.body_size), row.expected.substr(0, mark));
      EXPECT_EQ(rest, Unescape(row.expected.substr(mark + 6)));
    });
  }
}

TEST(BodyFramerTest, StaysBadWithItsReason) {
  const H1Limits limits;
  BodyFramer framer;
  framer.Start(BodyKind::kChunked, 0, limits);
  EXPECT_EQ(framer.Feed("x").bad, BadReason::kChunkSizeInvalid);

  const BodyFramer::Progress again = framer.Feed("0\r\n\r\n");

  EXPECT_EQ(again.status, ParseStatus::kBad);
  EXPECT_EQ(again.bad, BadReason::kChunkSizeInvalid);
  EXPECT_EQ(again.consumed, 0u);
  EXPECT_FALSE(framer.IsCompleteAtClose());
}

TEST(BodyFramerTest, EndsALengthExactly) {
  const H1Limits limits;
  BodyFramer framer;
  framer.Start(BodyKind::kLength, 5, limits);

  EXPECT_EQ(framer.Feed("hel").status, ParseStatus::kNeedMore);
  EXPECT_FALSE(framer.IsCompleteAtClose());
  const BodyFramer::Progress end = framer.Feed("loGET /");

  EXPECT_EQ(end.status, ParseStatus::kComplete);
  EXPECT_EQ(end.consumed, 2u);
  EXPECT_EQ(framer.body_size(), 5u);
  EXPECT_TRUE(framer.is_complete());
  EXPECT_EQ(framer.Feed("more").consumed, 0u);
}

TEST(BodyFramerTest, IsCompleteAtOnceWithoutABody) {
  const H1Limits limits;
  BodyFramer framer;
  framer.Start(BodyKind::kNone, 0, limits);
  EXPECT_TRUE(framer.is_complete());
  framer.Start(BodyKind::kLength, 0, limits);
  EXPECT_TRUE(framer.is_complete());
  EXPECT_EQ(framer.Feed("").status, ParseStatus::kComplete);
}

TEST(BodyFramerTest, TakesEverythingUntilClose) {
  const H1Limits limits;
  BodyFramer framer;
  framer.Start(BodyKind::kUntilClose, 0, limits);

  EXPECT_EQ(framer.Feed("0\r\n\r\n").status, ParseStatus::kNeedMore);

  EXPECT_EQ(framer.body_size(), 5u);
  EXPECT_FALSE(framer.is_complete());
  EXPECT_TRUE(framer.IsCompleteAtClose());
}

TEST(BodyFramerTest, IsNotCompleteWhenThePeerClosesWithinChunks) {
  const std::string whole = "5\r\nhello\r\n0\r\nA: b\r\n\r\n";
  const H1Limits limits;
  for (size_t size = 0; size < whole.size(); ++size) {
    BodyFramer framer;
    framer.Start(BodyKind::kChunked, 0, limits);
    EXPECT_EQ(framer.Feed(whole.substr(0, size)).status, ParseStatus::kNeedMore);
    EXPECT_FALSE(framer.IsCompleteAtClose()) << size;
  }
}

TEST(BodyFramerTest, IsSmall) { EXPECT_LE(sizeof(BodyFramer), 40u); }

}  // namespace
}  // namespace sluice::http
