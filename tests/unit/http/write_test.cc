#include "tests/unit/http/head_facts.h"
#include "tests/unit/http/write_golden.h"

namespace sluice::http {
namespace {

// Writes with `write(out, size)` into exactly enough room, and shows that one byte less is refused.
template <typename Write>
std::string WriteExactly(GuardedText& memory, size_t bound, Write write) {
  std::string roomy(bound, '?');
  const size_t size = write(roomy.data(), roomy.size());
  EXPECT_GT(size, 0u) << "the bound was too small";
  roomy.resize(size);
  const std::string_view exact = memory.Place(roomy);
  EXPECT_EQ(write(const_cast<char*>(exact.data()), size), size);
  EXPECT_EQ(exact, roomy);
  EXPECT_EQ(write(const_cast<char*>(exact.data()) + 1, size - 1), 0u);
  return roomy;
}

std::string WriteRequest(const RequestHead& head, const RequestRewrite& rewrite) {
  GuardedText memory(kGoldenInputMax);
  return WriteExactly(memory, RequestHeadBound(head, rewrite), [&](char* out, size_t size) {
    return WriteRequestHead(head, rewrite, out, size);
  });
}

std::string WriteResponse(const ResponseHead& head, const ResponseRewrite& rewrite) {
  GuardedText memory(kGoldenInputMax);
  return WriteExactly(memory, ResponseHeadBound(head, rewrite), [&](char* out, size_t size) {
    return WriteResponseHead(head, rewrite, out, size);
  });
}

TEST(WriteRequestHeadTest, FollowsTheTable) {
  GuardedText memory(kGoldenInputMax);
  RequestHead head;
  for (const WriteCase& one : ReadWriteCases("write_request.txt")) {
    SCOPED_TRACE(one.name);
    const ParseResult result = ParseRequestHead(memory.Place(one.input), 0, H1Limits{}, &head);
    ASSERT_EQ(result.status, ParseStatus::kComplete) << BadReasonName(result.bad);

    const std::string written = WriteRequest(head, {.target = one.target,
                                                    .authority = one.authority,
                                                    .rule_changes = one.rule,
                                                    .backend_changes = one.backend,
                                                    .upgrade = one.upgrade});

    EXPECT_EQ(written, one.output);
  }
}

TEST(WriteResponseHeadTest, FollowsTheTable) {
  GuardedText memory(kGoldenInputMax);
  ResponseHead head;
  for (const WriteCase& one : ReadWriteCases("write_response.txt")) {
    SCOPED_TRACE(one.name);
    const ParseResult result =
        ParseResponseHead(memory.Place(one.input), 0, H1Limits{}, "GET", &head);
    ASSERT_EQ(result.status, ParseStatus::kComplete) << BadReasonName(result.bad);

    const std::string written = WriteResponse(head, {.close = one.close,
                                                     .keep_alive_for_1_0 = one.keep_alive,
                                                     .rule_changes = one.rule,
                                                     .backend_changes = one.backend,
                                                     .upgrade = one.upgrade});

    EXPECT_EQ(written, one.output);
  }
}

// Facts that forwarding may change, or that name where the head ends.
Facts WithoutHopFacts(Facts facts, const RequestHead& head) {
  for (const char* name : {"size", "count", "hop", "keep", "target", "upgrade"}) facts.erase(name);
  for (const Header& header : head.headers()) {
    if (header.is_hop_by_hop || header.id == HeaderId::kExpect)
      facts.erase(std::string(header.name));
  }
  facts.erase("connection");
  facts.erase("te");
  facts.erase("host");
  facts.emplace("authority", head.authority);
  return facts;
}

TEST(WriteRequestHeadTest, KeepsTheMeaningOfEverySoundRequest) {
  for (const GoldenRow& row : ReadTable("request_accept.tsv")) {
    SCOPED_TRACE(row.name);
    RequestHead first;
    ASSERT_EQ(ParseRequestHead(row.input, 0, H1Limits{}, &first).status, ParseStatus::kComplete);
    if (first.method == "CONNECT") continue;  // Never forwarded.

    const std::string written = WriteRequest(first, {});

    RequestHead second;
    const H1Limits limits{.head_size_max = 2 * H1Limits{}.head_size_max};
    const ParseResult again = ParseRequestHead(written, 0, limits, &second);
    ASSERT_EQ(again.status, ParseStatus::kComplete) << BadReasonName(again.bad);
    EXPECT_EQ(second.head_size, written.size());
    Facts expected = WithoutHopFacts(FactsOf(first), first);
    if (first.body == BodyKind::kChunked) {
      expected =
          WithoutHopFacts(FactsOf(second), second);  // Its field is spelt anew: compare the kind.
      EXPECT_EQ(second.body, BodyKind::kChunked);
    }
    EXPECT_EQ(WithoutHopFacts(FactsOf(second), second), expected);
    EXPECT_EQ(WriteRequest(second, {}), written) << "written twice must not change again";
  }
}

TEST(WriteResponseHeadTest, KeepsTheMeaningOfEverySoundResponse) {
  for (const GoldenRow& row : ReadTable("response_accept.tsv")) {
    SCOPED_TRACE(row.name);
    const std::string_view method = row.name.starts_with("head:") ? "HEAD" : "GET";
    ResponseHead first;
    ASSERT_EQ(ParseResponseHead(row.input, 0, H1Limits{}, method, &first).status,
              ParseStatus::kComplete);

    const std::string written = WriteResponse(first, {});

    ResponseHead second;
    const ParseResult again = ParseResponseHead(written, 0, H1Limits{}, method, &second);
    ASSERT_EQ(again.status, ParseStatus::kComplete) << BadReasonName(again.bad);
    EXPECT_EQ(second.status, first.status);
    EXPECT_EQ(second.reason, first.reason);
    EXPECT_EQ(second.body, first.body);
    EXPECT_EQ(second.minor_version, 1);
    EXPECT_EQ(WriteResponse(second, {}), written) << "written twice must not change again";
  }
}

// Found by fuzzing: the count of fields may grow on the way out, so only the size is bounded there.
TEST(WriteRequestHeadTest, AddsItsOwnFieldsToAHeadOfTheMostFields) {
  std::string input = "GET / HTTP/1.0\r\n";
  for (size_t i = 0; i < kHeaderCountMax; ++i) input += "a: b\r\n";
  const std::string whole = input + "\r\n";  // The head looks into it.
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(whole, 0, H1Limits{}, &head).status, ParseStatus::kComplete);

  const std::string written = WriteRequest(head, {.authority = "c"});

  EXPECT_EQ(written, input + "host: c\r\nconnection: close\r\n\r\n");
}

TEST(HeaderChangeTest, NamesAndValuesAreChecked) {
  EXPECT_TRUE(IsFieldName("x-a"));
  EXPECT_FALSE(IsFieldName(""));
  EXPECT_FALSE(IsFieldName("x a"));
  EXPECT_TRUE(IsFieldValue(""));
  EXPECT_TRUE(IsFieldValue("a\tb \xc3\xa9"));
  EXPECT_FALSE(IsFieldValue("a\r\nb: c"));
  EXPECT_FALSE(IsFieldValue(" a"));
}

TEST(LocalResponseTest, HasStatusLengthAndBody) {
  EXPECT_EQ(LocalResponse(404, "no route\n", "x-a: b\r\n", /*close=*/false, /*is_head=*/false),
            "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n"
            "x-a: b\r\n\r\nno route\n");
}

TEST(LocalResponseTest, LeavesTheBodyOutForHeadButNotItsLength) {
  EXPECT_EQ(LocalResponse(400, "bad\n", "", /*close=*/true, /*is_head=*/true),
            "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n"
            "connection: close\r\n\r\n");
}

TEST(LocalResponseTest, HasNoLengthWhereNoBodyMayBe) {
  EXPECT_EQ(LocalResponse(204, "x", "", false, false), "HTTP/1.1 204 No Content\r\n\r\n");
}

}  // namespace
}  // namespace sluice::http
