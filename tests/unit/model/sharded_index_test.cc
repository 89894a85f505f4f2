#include "userspace/model/sharded_index.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice::model {
namespace {

using Index = ShardedIndex<int, std::string>;

std::shared_ptr<const std::string> Text(const char* text) {
  return std::make_shared<const std::string>(text);
}

TEST(ShardedIndexTest, FindsWhatWasSetAndNothingElse) {
  Index index;

  for (int i = 0; i < 1000; ++i) index.Set(i, Text("x"));

  EXPECT_EQ(index.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_NE(index.Find(i), nullptr);
  EXPECT_EQ(index.Find(1000), nullptr);
}

TEST(ShardedIndexTest, ReplacesAndErases) {
  Index index;
  index.Set(1, Text("old"));

  index.Set(1, Text("new"));
  EXPECT_EQ(*index.Find(1), "new");
  EXPECT_EQ(index.size(), 1u);

  index.Erase(1);
  index.Erase(2);
  EXPECT_EQ(index.Find(1), nullptr);
  EXPECT_EQ(index.size(), 0u);
}

TEST(ShardedIndexTest, KeepsASharedCopyAsItWas) {
  Index index;
  index.Set(1, Text("old"));
  const Index copy = index.Share();

  index.Set(1, Text("new"));
  index.Set(2, Text("more"));
  index.Erase(1);

  EXPECT_EQ(*copy.Find(1), "old");
  EXPECT_EQ(copy.Find(2), nullptr);
  EXPECT_EQ(copy.size(), 1u);
}

TEST(ShardedIndexTest, SharesTheValuesOfACopy) {
  Index index;
  index.Set(1, Text("x"));

  EXPECT_EQ(index.Share().Find(1), index.Find(1));
}

}  // namespace
}  // namespace sluice::model
