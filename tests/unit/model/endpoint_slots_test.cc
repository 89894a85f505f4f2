#include "userspace/model/endpoint_slots.h"

#include <gtest/gtest.h>

#include "tests/unit/model/resources.h"
#include "userspace/model/snapshot_builder.h"

namespace sluice::model {
namespace {

TEST(EndpointSlotsTest, GivesOneAddressOneSlot) {
  EndpointSlots slots;

  const EndpointSlot first = slots.Acquire(At("10.0.0.1:80"));

  EXPECT_EQ(slots.Acquire(At("10.0.0.1:80")), first);
  EXPECT_NE(slots.Acquire(At("10.0.0.1:81")).index, first.index);
  EXPECT_EQ(slots.count(), 2u);
}

TEST(EndpointSlotsTest, ReusesAFreedIndexWithTheNextGeneration) {
  EndpointSlots slots;
  const EndpointSlot first = slots.Acquire(At("10.0.0.1:80"));
  slots.Release(At("10.0.0.1:80"));
  slots.Settle();

  const EndpointSlot second = slots.Acquire(At("10.0.0.2:80"));

  EXPECT_EQ(second.index, first.index);
  EXPECT_EQ(second.generation, first.generation + 1);
  EXPECT_EQ(slots.count(), 1u);
}

TEST(EndpointSlotsTest, KeepsASlotWhileAnyoneUsesIt) {
  EndpointSlots slots;
  const EndpointSlot first = slots.Acquire(At("10.0.0.1:80"));
  slots.Acquire(At("10.0.0.1:80"));

  slots.Release(At("10.0.0.1:80"));
  slots.Settle();

  EXPECT_NE(slots.Acquire(At("10.0.0.2:80")).index, first.index);
}

TEST(EndpointSlotsTest, KeepsASlotThatChangesHandsBeforeItSettles) {
  EndpointSlots slots;
  const EndpointSlot first = slots.Acquire(At("10.0.0.1:80"));
  slots.Release(At("10.0.0.1:80"));
  EXPECT_EQ(slots.Acquire(At("10.0.0.1:80")), first);
  slots.Release(At("10.0.0.1:80"));
  EXPECT_EQ(slots.Acquire(At("10.0.0.1:80")), first);

  slots.Settle();

  EXPECT_NE(slots.Acquire(At("10.0.0.2:80")).index, first.index);
}

EndpointSlot SlotOf(const Snapshot& snapshot, const char* service_port) {
  return snapshot.FindServiceByName(service_port)->cluster->endpoints.at(0).slot;
}

TEST(SnapshotSlotsTest, SharesTheSlotOfAnAddressBetweenClusters) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.name = "shop/a"}));
  builder.PutAddress(MakeService({.name = "shop/b", .addresses = {}}));
  builder.PutAddress(MakeWorkload({.targets = {{.service = "shop/a"}, {.service = "shop/b"}}}));

  const auto snapshot = builder.Build(1);

  EXPECT_EQ(SlotOf(*snapshot, "shop/a:80"), SlotOf(*snapshot, "shop/b:80"));
  EXPECT_EQ(SlotOf(*snapshot, "shop/a:80"),
            snapshot->FindWorkload(Ip("10.0.0.1"))->ports.at(8080).cluster->endpoints.at(0).slot);
  EXPECT_EQ(snapshot->endpoint_slot_count(), 1u);
}

TEST(SnapshotSlotsTest, KeepsTheSlotOfAnEndpointThatMovesToAnotherService) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({.name = "shop/a"}));
  builder.PutAddress(MakeService({.name = "shop/b", .addresses = {}}));
  builder.PutAddress(MakeWorkload({.targets = {{.service = "shop/a"}}}));
  const EndpointSlot before = SlotOf(*builder.Build(1), "shop/a:80");

  builder.PutAddress(MakeWorkload({.targets = {{.service = "shop/b"}}}));

  EXPECT_EQ(SlotOf(*builder.Build(2), "shop/b:80"), before);
}

TEST(SnapshotSlotsTest, DoesNotGrowWhenEndpointsAreReplacedOverAndOver) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  for (uint32_t version = 1; version <= 300; ++version) {
    builder.PutAddress(
        MakeWorkload({.addresses = {"10.0.0." + std::to_string(version % 200 + 1)}}));
    builder.Build(version);
  }

  EXPECT_LE(builder.Build(301)->endpoint_slot_count(), 2u);
}

}  // namespace
}  // namespace sluice::model
