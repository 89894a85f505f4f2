#include "userspace/route/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/route/golden_table.h"
#include "tests/unit/route/request.h"

namespace sluice::route {
namespace {

using Kind = model::PathMatch::Kind;
using testing::HasSubstr;

model::HttpMatch Path(Kind kind, const std::string& value) {
  return {.path = {.kind = kind, .value = value}};
}
model::HttpMatch Method(const std::string& method) {
  model::HttpMatch match;
  match.method = method;
  return match;
}
model::HttpMatch WithHeader(const std::string& name, const std::string& value,
                            bool is_regex = false) {
  model::HttpMatch match;
  match.headers.push_back({.name = name, .is_regex = is_regex, .value = value});
  return match;
}
model::HttpMatch WithParameter(const std::string& name, const std::string& value,
                               bool is_regex = false) {
  model::HttpMatch match;
  match.query_params.push_back({.name = name, .is_regex = is_regex, .value = value});
  return match;
}
bool Matches(const model::HttpMatch& match, const Request& request) {
  return MatchedEntry(TableOf(match), request) == 0;
}

TEST(MatcherTest, MatchesPathsAsTheTableSays) {
  const auto rows = ReadGolden("matches.tsv");
  ASSERT_GE(rows.size(), 20u);
  for (const Row& row : rows) {
    ASSERT_EQ(row.size(), 5u) << row[0];
    const Kind kind = row[0] == "exact"    ? Kind::kExact
                      : row[0] == "prefix" ? Kind::kPrefix
                      : row[0] == "regex"  ? Kind::kRegex
                                           : Kind::kAny;
    const model::RouteTable table = TableOf(Path(kind, row[1]));
    const auto matcher = Matcher::Compile(table);
    ASSERT_TRUE(matcher.ok()) << matcher.status();
    const Request request{.path = row[2]};

    const MatchResult result = (*matcher)->Match(Input(request)());

    EXPECT_EQ(result.rule != nullptr, row[3] == "yes")
        << row[0] << " " << row[1] << " of " << row[2];
    EXPECT_EQ(result.matched_prefix, row[4]) << row[0] << " " << row[1] << " of " << row[2];
  }
}

TEST(MatcherTest, PathsAreMatchedAsWrittenWhereRequestsComeAsSent) {
  const model::RouteTable table = TableOf(Path(Kind::kExact, "/%7euser"));
  const auto matcher = Matcher::Compile(table, http::PathNormalisation::kNone);
  ASSERT_TRUE(matcher.ok()) << matcher.status();

  const Request as_written{.path = "/%7euser"};
  const Request normal{.path = "/~user"};
  EXPECT_NE((*matcher)->Match(Input(as_written)()).rule, nullptr);
  EXPECT_EQ((*matcher)->Match(Input(normal)()).rule, nullptr);
}

TEST(MatcherTest, MatchesNothingInAnEmptyTable) { EXPECT_EQ(MatchedEntry(TableOf(), {}), -1); }

TEST(MatcherTest, TakesTheFirstEntryOfTheTableWhateverItsKind) {
  const model::HttpMatch exact = Path(Kind::kExact, "/a/b");
  const model::HttpMatch prefix = Path(Kind::kPrefix, "/a");
  const model::HttpMatch longer = Path(Kind::kPrefix, "/a/b");
  const model::HttpMatch regex = Path(Kind::kRegex, "/a/.*");
  const model::HttpMatch any = {};
  std::vector<const model::HttpMatch*> order = {&exact, &prefix, &longer, &regex, &any};

  for (size_t first = 0; first < order.size(); ++first) {
    std::rotate(order.begin(), order.begin() + 1, order.end());
    EXPECT_EQ(MatchedEntry(TableOf(*order[0], *order[1], *order[2], *order[3], *order[4]),
                           {.path = "/a/b"}),
              0);
  }
}

TEST(MatcherTest, TakesALaterEntryWhenTheConditionsOfTheFirstFail) {
  model::HttpMatch post = Path(Kind::kExact, "/a");
  post.method = "POST";

  EXPECT_EQ(MatchedEntry(TableOf(post, Path(Kind::kPrefix, "/")), {.method = "GET", .path = "/a"}),
            1);
}

TEST(MatcherTest, TellsThePrefixOfTheEntryThatWonAndOfNoOther) {
  model::HttpMatch get = Path(Kind::kPrefix, "/a");
  get.method = "GET";
  const model::RouteTable table =
      TableOf(get, Path(Kind::kExact, "/a/b"), Path(Kind::kPrefix, "/a/b"));
  const auto matcher = Matcher::Compile(table);
  const Request read{.method = "GET", .path = "/a/b"};
  const Request write{.method = "PUT", .path = "/a/b"};

  EXPECT_EQ((*matcher)->Match(Input(read)()).matched_prefix, "/a");
  EXPECT_EQ((*matcher)->Match(Input(write)()).matched_prefix, "");
}

TEST(MatcherTest, ComparesMethodsCaseSensitively) {
  EXPECT_TRUE(Matches(Method("GET"), {.method = "GET"}));
  EXPECT_FALSE(Matches(Method("GET"), {.method = "get"}));
  EXPECT_FALSE(Matches(Method("GET"), {.method = "GETX"}));
}

TEST(MatcherTest, FindsAHeaderInAnyCase) {
  EXPECT_TRUE(Matches(WithHeader("x-canary", "Yes"), {.headers = {{"X-Canary", "Yes"}}}));
  EXPECT_FALSE(Matches(WithHeader("x-canary", "Yes"), {.headers = {{"x-canary", "yes"}}}));
  EXPECT_FALSE(Matches(WithHeader("x-canary", "Yes"), {.headers = {{"x-canary2", "Yes"}}}));
}

TEST(MatcherTest, TellsAnEmptyHeaderFromNone) {
  EXPECT_TRUE(Matches(WithHeader("x-a", ""), {.headers = {{"x-a", ""}}}));
  EXPECT_FALSE(Matches(WithHeader("x-a", ""), {}));
  EXPECT_FALSE(Matches(WithHeader("x-a", ".*", true), {}));
}

TEST(MatcherTest, JoinsARepeatedHeaderWithCommas) {
  const Request request{.headers = {{"X-A", "1"}, {"other", "z"}, {"x-a", "2"}, {"x-A", "3"}}};

  EXPECT_TRUE(Matches(WithHeader("x-a", "1,2,3"), request));
  EXPECT_TRUE(Matches(WithHeader("x-a", "1,.*,3", true), request));
  for (const char* part : {"1", "2", "1,2", "1,2,3,", "1,2,34", "1, 2, 3"}) {
    EXPECT_FALSE(Matches(WithHeader("x-a", part), request)) << part;
  }
}

TEST(MatcherTest, MatchesTheWholeOfAHeaderByExpression) {
  EXPECT_TRUE(Matches(WithHeader("x-a", "v[0-9]", true), {.headers = {{"x-a", "v1"}}}));
  EXPECT_FALSE(Matches(WithHeader("x-a", "v[0-9]", true), {.headers = {{"x-a", "v12"}}}));
}

TEST(MatcherTest, WantsAllConditionsOfAnEntry) {
  model::HttpMatch match = Path(Kind::kPrefix, "/a");
  match.method = "GET";
  match.headers.push_back({.name = "x", .value = "1"});
  match.headers.push_back({.name = "y", .value = "2"});
  match.query_params.push_back({.name = "q", .value = "3"});
  const Request good{.path = "/a/b", .query = "q=3", .headers = {{"x", "1"}, {"y", "2"}}};
  Request without_header = good;
  without_header.headers.pop_back();
  Request without_query = good;
  without_query.query = "q=4";

  EXPECT_TRUE(Matches(match, good));
  EXPECT_FALSE(Matches(match, without_header));
  EXPECT_FALSE(Matches(match, without_query));
}

TEST(MatcherTest, FindsAQueryParameterDecodedAndTheFirstOfItsName) {
  EXPECT_TRUE(Matches(WithParameter("q", "a b"), {.query = "x=1&q=a%20b"}));
  EXPECT_TRUE(Matches(WithParameter("q", "1"), {.query = "q=1&q=2"}));
  EXPECT_FALSE(Matches(WithParameter("q", "2"), {.query = "q=1&q=2"}));
  EXPECT_FALSE(Matches(WithParameter("q", "1"), {.query = "Q=1"}));
  EXPECT_TRUE(Matches(WithParameter("q", "a/.", true), {.query = "q=a%2fb"}));
  EXPECT_FALSE(Matches(WithParameter("q", ".*", true), {.query = "p=1"}));
}

TEST(MatcherTest, SaysWhichEntryHasABrokenExpression) {
  const model::RouteTable table = TableOf(model::HttpMatch{}, WithHeader("x", "(", true));

  const auto matcher = Matcher::Compile(table);

  EXPECT_THAT(std::string(matcher.status().message()),
              HasSubstr("route table shop/web:80: entries[1]: the regular"));
}

}  // namespace
}  // namespace sluice::route
