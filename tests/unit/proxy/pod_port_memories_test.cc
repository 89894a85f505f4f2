#include "userspace/proxy/pod_port_memories.h"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

base::SocketAddress Port(uint16_t number) {
  return {.ip = *base::IpAddress::Parse("10.9.0.1"), .port = number};
}

class PodPortMemoriesTest : public testing::Test {
 protected:
  std::shared_ptr<PortMemory> Of(uint16_t port, std::string_view uid = "pod") {
    return memories_.Of(Port(port), uid, &has_forgotten_);
  }
  PodPortMemories memories_{2};
  bool has_forgotten_ = false;
};

TEST_F(PodPortMemoriesTest, APortIsDialledAtOnceUntilItsClientsSpokeFirst) {
  EXPECT_TRUE(Of(1)->DialsAtOnce());

  Of(1)->Note(PortMemory::kHttp1);

  EXPECT_FALSE(Of(1)->DialsAtOnce());
  EXPECT_TRUE(Of(2)->DialsAtOnce());
}

TEST_F(PodPortMemoriesTest, AnotherPodAtTheSameAddressIsNotKnown) {
  Of(1)->Note(PortMemory::kHttp1);

  EXPECT_TRUE(Of(1, "other")->DialsAtOnce());
  EXPECT_EQ(memories_.count(), 1u);
}

TEST_F(PodPortMemoriesTest, TheOneNotAskedForLongestMakesWay) {
  Of(1)->Note(PortMemory::kHttp1);
  Of(2)->Note(PortMemory::kHttp1);
  Of(1);
  EXPECT_FALSE(has_forgotten_);

  Of(3);

  EXPECT_TRUE(has_forgotten_);
  EXPECT_EQ(memories_.count(), 2u);
  EXPECT_FALSE(Of(1)->DialsAtOnce());
  EXPECT_TRUE(Of(2)->DialsAtOnce());
}

}  // namespace
}  // namespace sluice::proxy
