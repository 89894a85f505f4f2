// The matcher against the plainest possible one: every entry in order, every condition read anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <regex>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/route/request.h"
#include "userspace/route/query.h"

namespace sluice::route {
namespace {

using Kind = model::PathMatch::Kind;
using Random = std::mt19937_64;

size_t Below(Random& random, size_t bound) { return random() % bound; }

template <typename List>
auto OneOf(Random& random, const List& list) {
  return *(std::begin(list) + Below(random, std::size(list)));
}

constexpr const char* kSegments[] = {"a", "b", "ab", ""};
constexpr const char* kRegexes[] = {"/a.*", "/[ab]/b", "/.*/ab", ".*"};
constexpr const char* kValues[] = {"1", "2", "1,2", ""};
constexpr const char* kValueRegexes[] = {"[12]", "1.*", ".*"};
constexpr const char* kNames[] = {"x", "y", "z"};

std::string RandomPath(Random& random) {
  std::string path;
  for (size_t n = Below(random, 4); n > 0; --n)
    absl::StrAppend(&path, "/", OneOf(random, kSegments));
  return path.empty() ? "/" : path;
}

std::string WithoutTrailingSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::vector<model::KeyValueMatch> RandomConditions(Random& random) {
  std::vector<model::KeyValueMatch> out;
  for (size_t n = Below(random, 3); n > 1; --n) {
    const bool is_regex = Below(random, 3) == 0;
    out.push_back({.name = OneOf(random, kNames),
                   .is_regex = is_regex,
                   .value = is_regex ? OneOf(random, kValueRegexes) : OneOf(random, kValues)});
  }
  return out;
}

model::HttpMatch RandomMatch(Random& random) {
  model::HttpMatch match;
  switch (Below(random, 8)) {
    case 0:
      break;
    case 1:
      match.path = {.kind = Kind::kRegex, .value = OneOf(random, kRegexes)};
      break;
    case 2:
    case 3:
      match.path = {.kind = Kind::kExact, .value = RandomPath(random)};
      break;
    default:
      match.path = {.kind = Kind::kPrefix, .value = WithoutTrailingSlash(RandomPath(random))};
  }
  if (Below(random, 4) == 0) match.method = Below(random, 2) == 0 ? "GET" : "PUT";
  match.headers = RandomConditions(random);
  match.query_params = RandomConditions(random);
  return match;
}

Request RandomRequest(Random& random) {
  Request request{.method = Below(random, 2) == 0 ? "GET" : "PUT", .path = RandomPath(random)};
  for (size_t n = Below(random, 4); n > 0; --n) {
    request.headers.emplace_back(
        OneOf(random, std::initializer_list<const char*>{"x", "X", "y", "Z"}),
        OneOf(random, kValues));
  }
  for (size_t n = Below(random, 4); n > 0; --n) {
    absl::StrAppend(&request.query, OneOf(random, kNames), "=",
                    OneOf(random, std::initializer_list<const char*>{"1", "%31", "2", "1%2c2", ""}),
                    "&");
  }
  return request;
}

bool IsMet(const model::KeyValueMatch& condition, const std::optional<std::string>& value) {
  if (!value) return false;
  return condition.is_regex ? std::regex_match(*value, std::regex(condition.value))
                            : *value == condition.value;
}

std::optional<std::string> HeaderValue(const Request& request, const std::string& name) {
  std::optional<std::string> joined;
  for (auto [sent, value] : request.headers) {
    std::transform(sent.begin(), sent.end(), sent.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (sent == name) joined = joined ? *joined + "," + value : value;
  }
  return joined;
}

std::optional<std::string> ParameterValue(const Request& request, const std::string& name) {
  const auto value = FindParameter(request.query, name);
  return value ? std::optional(PercentDecode(*value)) : std::nullopt;
}

bool PathIsMet(const model::PathMatch& match, const std::string& path) {
  switch (match.kind) {
    case Kind::kAny:
      return true;
    case Kind::kExact:
      return path == match.value;
    case Kind::kPrefix:
      return match.value == "/" || path == match.value || path.starts_with(match.value + "/");
    case Kind::kRegex:
      return std::regex_match(path, std::regex(match.value));
  }
  return false;
}

int OracleEntry(const model::RouteTable& table, const Request& request) {
  for (size_t i = 0; i < table.entries.size(); ++i) {
    const model::HttpMatch& match = table.entries[i].match;
    if (!PathIsMet(match.path, request.path)) continue;
    if (!match.method.empty() && match.method != request.method) continue;
    const bool has_headers =
        std::all_of(match.headers.begin(), match.headers.end(),
                    [&](const auto& c) { return IsMet(c, HeaderValue(request, c.name)); });
    const bool has_parameters =
        std::all_of(match.query_params.begin(), match.query_params.end(),
                    [&](const auto& c) { return IsMet(c, ParameterValue(request, c.name)); });
    if (has_headers && has_parameters) return static_cast<int>(i);
  }
  return -1;
}

TEST(MatcherOracleTest, AgreesWithALinearSearchOnRandomTablesAndRequests) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    model::RouteTable table;
    for (size_t n = Below(random, 12); n > 0; --n) Append(table, RandomMatch(random));
    const auto matcher = Matcher::Compile(table);
    ASSERT_TRUE(matcher.ok()) << matcher.status();

    for (int i = 0; i < 25; ++i) {
      const Request request = RandomRequest(random);
      const MatchResult result = (*matcher)->Match(Input(request)());

      const int entry =
          result.rule == nullptr ? -1 : static_cast<int>(result.rule - table.rules.data());
      const int expected = OracleEntry(table, request);
      ASSERT_EQ(entry, expected) << "seed " << seed << ": " << request.method << " " << request.path
                                 << "?" << request.query;
      const bool is_prefix =
          expected >= 0 && table.entries[expected].match.path.kind == Kind::kPrefix;
      if (is_prefix) {
        ASSERT_EQ(result.matched_prefix, table.entries[expected].match.path.value)
            << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::route
