#include "userspace/datapath/map_change.h"

#include <gtest/gtest.h>

#include "bpf/abi/limits.h"

namespace sluice::datapath {
namespace {

base::IpAddress Ip(const char* text) { return *base::IpAddress::Parse(text); }

Destination To(const char* ip, uint16_t port, FlowPath path = FlowPath::kProxy) {
  return {.address = Ip(ip), .port = port, .path = path};
}

TEST(NormaliseDestinationsTest, SortsAndMergesEqualOnes) {
  const auto normalised =
      NormaliseDestinations({To("10.0.0.2", 80), To("10.0.0.1", 80), To("10.0.0.2", 80)});

  ASSERT_TRUE(normalised.ok());
  EXPECT_EQ(*normalised, (std::vector{To("10.0.0.1", 80), To("10.0.0.2", 80)}));
}

TEST(NormaliseDestinationsTest, RefusesTwoPathsForOnePort) {
  const auto normalised =
      NormaliseDestinations({To("10.0.0.1", 80), To("10.0.0.1", 80, FlowPath::kDeny)});

  EXPECT_EQ(normalised.status().message(), "destination 10.0.0.1:80 has two different paths");
}

TEST(NormaliseDestinationsTest, KeepsPortZeroBesideAnExactPort) {
  const auto normalised =
      NormaliseDestinations({To("10.0.0.1", 80), To("10.0.0.1", 0, FlowPath::kDeny)});

  ASSERT_TRUE(normalised.ok());
  EXPECT_EQ(normalised->size(), 2u);
}

TEST(NormaliseDestinationsTest, RefusesMoreThanTheTableHolds) {
  std::vector<Destination> many;
  for (uint32_t i = 0; i <= SLUICE_DESTINATIONS_MAX; ++i) {
    many.push_back({.address = base::IpAddress(in_addr{i}), .port = 1, .path = FlowPath::kProxy});
  }

  EXPECT_TRUE(absl::IsResourceExhausted(NormaliseDestinations(many).status()));
}

TEST(ComputeMapChangeTest, IsEmptyForEqualTables) {
  const std::vector table = {To("10.0.0.1", 80), To("fd00::1", 443)};

  const DestinationChange change = ComputeMapChange(table, table);

  EXPECT_TRUE(change.written.empty());
  EXPECT_TRUE(change.deleted.empty());
}

TEST(ComputeMapChangeTest, WritesNewAndChangedAndDeletesMissing) {
  const std::vector current = {To("10.0.0.1", 80), To("10.0.0.2", 80), To("10.0.0.3", 80)};
  const std::vector desired = {To("10.0.0.2", 80, FlowPath::kDeny), To("10.0.0.3", 80),
                               To("10.0.0.4", 80)};

  const DestinationChange change = ComputeMapChange(current, desired);

  EXPECT_EQ(change.written, (std::vector{To("10.0.0.2", 80, FlowPath::kDeny), To("10.0.0.4", 80)}));
  EXPECT_EQ(change.deleted, (std::vector{To("10.0.0.1", 80)}));
}

TEST(AfterPartOfTest, HoldsOnlyWhatReachedTheKernel) {
  const std::vector current = {To("10.0.0.1", 80), To("10.0.0.2", 80)};
  const DestinationChange change{
      .written = {To("10.0.0.2", 80, FlowPath::kDeny), To("10.0.0.4", 80)},
      .deleted = {To("10.0.0.1", 80)}};

  const auto table = AfterPartOf(current, change, {.written = 1, .deleted = 0});

  EXPECT_EQ(table, (std::vector{To("10.0.0.1", 80), To("10.0.0.2", 80, FlowPath::kDeny)}));
}

}  // namespace
}  // namespace sluice::datapath
