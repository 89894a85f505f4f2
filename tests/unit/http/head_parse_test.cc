#include "tests/unit/http/head_facts.h"

namespace sluice::http {
namespace {

Outcome ParseRequest(std::string_view input, uint32_t scanned) {
  static RequestHead head;  // Reused on purpose: nothing of the last parse may show.
  Outcome outcome{.result = ParseRequestHead(input, scanned, H1Limits{}, &head)};
  if (outcome.result.status == ParseStatus::kComplete) outcome.facts = FactsOf(head);
  return outcome;
}

std::string_view MethodOf(const GoldenRow& row) {
  if (row.name.starts_with("head:")) return "HEAD";
  return row.name.starts_with("connect:") ? "CONNECT" : "GET";
}

auto ResponseParser(std::string_view method) {
  return [method](std::string_view input, uint32_t scanned) {
    static ResponseHead head;
    Outcome outcome{.result = ParseResponseHead(input, scanned, H1Limits{}, method, &head)};
    if (outcome.result.status == ParseStatus::kComplete) outcome.facts = FactsOf(head);
    return outcome;
  };
}

TEST(RequestHeadTest, RefusesEveryHostileInputTheSameHoweverItIsCut) {
  GuardedText memory(kGoldenInputMax);
  for (const GoldenRow& row : ReadTable("request_reject.tsv")) {
    ParseInEveryWay(memory, row.input, ParseRequest,
                    [&row](const Outcome& outcome, const std::string& way) {
                      EXPECT_EQ(outcome.Name(), row.expected) << row.name << ", " << way;
                    });
  }
}

TEST(RequestHeadTest, ReadsEverySoundInputTheSameHoweverItIsCut) {
  GuardedText memory(kGoldenInputMax);
  for (const GoldenRow& row : ReadTable("request_accept.tsv")) {
    ParseInEveryWay(memory, row.input, ParseRequest,
                    [&row](const Outcome& outcome, const std::string& way) {
                      ASSERT_EQ(outcome.Name(), "complete") << row.name << ", " << way;
                      ExpectFacts(outcome.facts, row.expected, row.name + ", " + way);
                    });
  }
}

TEST(ResponseHeadTest, RefusesEveryHostileInputTheSameHoweverItIsCut) {
  GuardedText memory(kGoldenInputMax);
  for (const GoldenRow& row : ReadTable("response_reject.tsv")) {
    ParseInEveryWay(memory, row.input, ResponseParser("GET"),
                    [&row](const Outcome& outcome, const std::string& way) {
                      EXPECT_EQ(outcome.Name(), row.expected) << row.name << ", " << way;
                    });
  }
}

TEST(ResponseHeadTest, ReadsEverySoundInputTheSameHoweverItIsCut) {
  GuardedText memory(kGoldenInputMax);
  for (const GoldenRow& row : ReadTable("response_accept.tsv")) {
    ParseInEveryWay(memory, row.input, ResponseParser(MethodOf(row)),
                    [&row](const Outcome& outcome, const std::string& way) {
                      ASSERT_EQ(outcome.Name(), "complete") << row.name << ", " << way;
                      ExpectFacts(outcome.facts, row.expected, row.name + ", " + way);
                    });
  }
}

TEST(RequestHeadTest, NeedsMoreForEveryPrefixOfASoundHead) {
  const std::string whole =
      "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  GuardedText memory(kGoldenInputMax);
  RequestHead head;
  for (size_t size = 0; size < whole.size(); ++size) {
    const ParseResult result =
        ParseRequestHead(memory.Place(whole.substr(0, size)), 0, H1Limits{}, &head);
    EXPECT_EQ(result.status, ParseStatus::kNeedMore) << size;
  }
}

TEST(RequestHeadTest, KeepsToSmallerLimits) {
  const H1Limits limits{.head_size_max = 60, .target_size_max = 4, .header_count_max = 2};
  RequestHead head;
  const auto name_of = [&](const std::string& input) {
    const ParseResult result = ParseRequestHead(input, 0, limits, &head);
    return result.status == ParseStatus::kBad ? BadReasonName(result.bad) : "sound";
  };

  EXPECT_EQ(name_of("GET /abc HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"), "sound");
  EXPECT_EQ(name_of("GET /abcd HTTP/1.1\r\nHost: a\r\n\r\n"), "target_too_long");
  EXPECT_EQ(name_of("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nB: c\r\n\r\n"), "too_many_headers");
  EXPECT_EQ(name_of("GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(30, 'x') + "\r\n\r\n"),
            "head_too_large");
}

TEST(RequestHeadTest, TakesAScannedValueThatIsTooLarge) {
  RequestHead head;
  const ParseResult result = ParseRequestHead("GET / HTTP/1.1\r\n", 5000, H1Limits{}, &head);
  EXPECT_EQ(result.status, ParseStatus::kNeedMore);
  EXPECT_LE(result.scanned, 16u);
}

TEST(BadReasonTest, HasLabelSentenceAndAnAllowedStatusForEach) {
  for (size_t i = 0; i < kBadReasonCount; ++i) {
    const auto reason = static_cast<BadReason>(i);
    const uint16_t status = BadReasonStatus(reason);
    EXPECT_TRUE(BadReasonText(reason).ends_with('.')) << i;
    EXPECT_NE(StatusText(status), "") << status;
    EXPECT_EQ(BadReasonName(reason).find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"),
              std::string_view::npos);
  }
}

}  // namespace
}  // namespace sluice::http
