// Matching a request allocates nothing: counted by operator new of this program.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "tests/unit/route/request.h"

namespace {
std::atomic<uint64_t> allocation_count = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocation_count;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace sluice::route {
namespace {

using Kind = model::PathMatch::Kind;

TEST(MatchAllocationTest, AllocatesNothingForPathsHeadersAndParameters) {
  model::RouteTable table;
  Append(table, {.path = {.kind = Kind::kExact, .value = "/api/v1/users"}, .method = "PUT"});
  Append(table, {.path = {.kind = Kind::kPrefix, .value = "/api"}});
  table.entries.back().match.headers.push_back({.name = "x-canary", .value = "1,2"});
  Append(table, {.path = {.kind = Kind::kPrefix, .value = "/api/v1"}});
  table.entries.back().match.query_params.push_back({.name = "q", .value = "a b"});
  Append(table, {.path = {.kind = Kind::kPrefix, .value = "/"}});
  const auto matcher = Matcher::Compile(table);
  const Request request{.path = "/api/v1/users",
                        .query = "p=1&q=a%20b",
                        .headers = {{"host", "web"}, {"X-Canary", "1"}, {"x-canary", "3"}}};
  const Input input(request);
  const uint64_t before = allocation_count;

  const MatchResult result = (*matcher)->Match(input());

  EXPECT_EQ(allocation_count, before);
  EXPECT_EQ(result.rule, &table.rules[2]);
}

TEST(MatchAllocationTest, AllocatesNothingToRewriteIntoAStringThatIsLargeEnough) {
  std::string target(100, ' ');
  const model::PathModifier modifier = {.kind = model::PathModifier::Kind::kReplacePrefix,
                                        .value = "/new"};
  const uint64_t before = allocation_count;

  RewriteTarget(modifier, {.matched_prefix = "/api"}, "/api/v1/users", "q=1", target);

  EXPECT_EQ(allocation_count, before);
  EXPECT_EQ(target, "/new/v1/users?q=1");
}

}  // namespace
}  // namespace sluice::route
