#include "tests/unit/http/golden.h"
#include "userspace/http/h1.h"

namespace sluice::http {
namespace {

TEST(NormalisePathTest, FollowsTheTable) {
  GuardedText memory(kGoldenInputMax);
  for (const GoldenRow& row : ReadTable("path.tsv")) {
    std::string out = "old";
    bool changed = false;
    const bool is_sound = NormalisePath(memory.Place(row.input), out, &changed);
    if (row.expected == "refused") {
      EXPECT_FALSE(is_sound) << row.name;
      continue;
    }
    EXPECT_TRUE(is_sound) << row.name;
    EXPECT_EQ(changed ? out : "=", row.expected) << row.name;
  }
}

TEST(NormalisePathTest, GivesAFormThatIsNormal) {
  for (const GoldenRow& row : ReadTable("path.tsv")) {
    std::string once;
    bool changed = false;
    if (!NormalisePath(row.input, once, &changed) || !changed) continue;
    std::string twice;
    EXPECT_TRUE(NormalisePath(once, twice, &changed)) << row.name;
    EXPECT_FALSE(changed) << row.name << ": " << once << " became " << twice;
  }
}

}  // namespace
}  // namespace sluice::http
