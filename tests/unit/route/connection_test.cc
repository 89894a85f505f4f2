#include "userspace/route/connection.h"

#include <gtest/gtest.h>

namespace sluice::route {
namespace {

// One rule for each pattern, named like it, in this order.
model::RouteTable TableOf(const std::vector<std::string>& patterns) {
  model::RouteTable table;
  table.layer = model::RouteLayer::kTls;
  for (const std::string& pattern : patterns) {
    model::RouteTable::Entry& entry = table.entries.emplace_back();
    entry.rule = static_cast<uint32_t>(table.rules.size());
    entry.server_name = pattern;
    table.rules.emplace_back().name = "for " + pattern;
  }
  return table;
}

std::string RuleFor(const model::RouteTable& table, std::string_view server_name) {
  const model::HttpRule* rule = MatchConnection(table, server_name);
  return rule == nullptr ? "none" : rule->name;
}

TEST(MatchConnectionTest, TakesTheFirstPatternThatFits) {
  const model::RouteTable table = TableOf({"a.example", "*.b.example", "*.example", ""});

  EXPECT_EQ(RuleFor(table, "a.example"), "for a.example");
  EXPECT_EQ(RuleFor(table, "x.b.example"), "for *.b.example");
  EXPECT_EQ(RuleFor(table, "y.x.b.example"), "for *.b.example");
  EXPECT_EQ(RuleFor(table, "b.example"), "for *.example");
  EXPECT_EQ(RuleFor(table, "other"), "for ");
  EXPECT_EQ(RuleFor(table, ""), "for ");
}

TEST(MatchConnectionTest, AWildcardDoesNotTakeItsOwnNameNorAnotherThatEndsLikeIt) {
  const model::RouteTable table = TableOf({"*.b.example"});

  EXPECT_EQ(RuleFor(table, "b.example"), "none");
  EXPECT_EQ(RuleFor(table, "xb.example"), "none");
  EXPECT_EQ(RuleFor(table, ".b.example"), "none");
  EXPECT_EQ(RuleFor(table, ""), "none");
}

TEST(MatchConnectionTest, NothingTakesAConnectionWithoutAnEntry) {
  EXPECT_EQ(RuleFor(TableOf({}), "a.example"), "none");
}

}  // namespace
}  // namespace sluice::route
