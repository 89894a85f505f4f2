#include <gtest/gtest.h>

#include <string>

#include "tests/unit/route/golden_table.h"
#include "userspace/route/matcher.h"

namespace sluice::route {
namespace {

model::PathModifier Modifier(const std::string& kind, const std::string& value) {
  using Kind = model::PathModifier::Kind;
  const Kind parsed = kind == "full"     ? Kind::kReplaceFull
                      : kind == "prefix" ? Kind::kReplacePrefix
                                         : Kind::kNone;
  return {.kind = parsed, .value = value};
}

TEST(RewriteTargetTest, FollowsTheTable) {
  const auto rows = ReadGolden("rewrite.tsv");
  ASSERT_GE(rows.size(), 20u);
  std::string target = "left from the request before";

  for (const Row& row : rows) {
    ASSERT_EQ(row.size(), 6u) << row[0];
    RewriteTarget(Modifier(row[1], row[2]), {.matched_prefix = row[0]}, row[3], row[4], target);
    EXPECT_EQ(target, row[5]) << row[1] << " " << row[2] << " under " << row[0] << " of " << row[3];
  }
}

TEST(RedirectLocationTest, FollowsTheTable) {
  const auto rows = ReadGolden("redirect.tsv");
  ASSERT_GE(rows.size(), 20u);

  for (const Row& row : rows) {
    ASSERT_EQ(row.size(), 8u) << row[0];
    model::RequestRedirect redirect;
    redirect.scheme = row[0];
    redirect.hostname = row[1];
    redirect.port = static_cast<uint16_t>(row[2].empty() ? 0 : std::stoi(row[2]));
    EXPECT_EQ(RedirectLocation(redirect, {}, row[3], static_cast<uint16_t>(std::stoi(row[4])),
                               row[5], row[6]),
              row[7]);
  }
}

TEST(RedirectLocationTest, ReplacesThePathAsARewriteDoes) {
  model::RequestRedirect redirect;
  redirect.hostname = "example.org";
  redirect.path = Modifier("prefix", "/new");

  EXPECT_EQ(RedirectLocation(redirect, {.matched_prefix = "/old"}, "web", 80, "/old/x", "q=1"),
            "http://example.org/new/x?q=1");
}

}  // namespace
}  // namespace sluice::route
