#include "userspace/proxy/outbox.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include <string>
#include <vector>

namespace sluice::proxy {
namespace {

class OutboxTest : public testing::Test {
 protected:
  void SetUp() override {
    auto ring =
        io::Ring::Create({.entries = 8, .receive_buffer_count = 4, .receive_buffer_size = 4096});
    if (!ring.ok() && std::getenv("CI") != nullptr) FAIL() << ring.status();
    if (!ring.ok()) GTEST_SKIP() << "io_uring is not to be had here: " << ring.status();
    ring_ = *std::move(ring);
    pool_ = std::make_unique<SegmentPool>(*ring_, budget_);
  }

  // Everything in the box, as a send would take it.
  static std::string Contents(const Outbox& box) {
    std::vector<iovec> vectors(1024);
    std::string out;
    const uint32_t count = box.Gather(vectors.data(), static_cast<uint32_t>(vectors.size()));
    for (uint32_t i = 0; i < count; ++i) {
      out.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
    }
    return out;
  }

  std::unique_ptr<io::Ring> ring_;
  BufferBudget budget_{1024 * 1024};
  std::unique_ptr<SegmentPool> pool_;
};

TEST_F(OutboxTest, KeepsTheOrderOfWhatIsAppended) {
  Outbox box(*pool_);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string part(static_cast<size_t>(i * 7 % 300), static_cast<char>('a' + i % 26));
    box.Append(part);
    expected += part;
  }

  EXPECT_EQ(box.size(), expected.size());
  EXPECT_EQ(Contents(box), expected);
}

TEST_F(OutboxTest, ConsumingAnySizesLeavesTheRest) {
  Outbox box(*pool_);
  std::string expected;
  for (int i = 0; i < 40; ++i) expected += std::string(1000, static_cast<char>('a' + i % 26));
  box.Append(expected);
  for (const size_t size : {0, 1, 999, 2047, 2048, 2049, 10'000}) {
    box.Consume(size);
    expected.erase(0, size);
    EXPECT_EQ(Contents(box), expected) << "after consuming " << size;
  }
}

TEST_F(OutboxTest, AppendingBehindAGatheredPartDoesNotMoveIt) {
  Outbox box(*pool_);
  box.Append("first");
  iovec gathered;
  ASSERT_EQ(box.Gather(&gathered, 1), 1u);
  box.Append("second");

  EXPECT_EQ(std::string(static_cast<char*>(gathered.iov_base), gathered.iov_len), "first");
  EXPECT_EQ(Contents(box), "firstsecond");
}

TEST_F(OutboxTest, GatherStopsAtTheNumberOfVectors) {
  Outbox box(*pool_);
  box.Append(std::string(100'000, 'x'));
  std::vector<iovec> vectors(2);

  EXPECT_EQ(box.Gather(vectors.data(), 2), 2u);
}

TEST_F(OutboxTest, ClearLeavesNothing) {
  Outbox box(*pool_);
  box.Append(std::string(100'000, 'x'));
  EXPECT_GE(budget_.used(), 100'000u);
  box.Clear();

  EXPECT_EQ(budget_.used(), 0u);

  EXPECT_EQ(box.size(), 0u);
  EXPECT_EQ(Contents(box), "");
}

}  // namespace
}  // namespace sluice::proxy
