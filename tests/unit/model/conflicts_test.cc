#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/model/resources.h"
#include "userspace/model/snapshot_builder.h"

namespace sluice::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const ServiceText kFirst = {.name = "a/web"};
const ServiceText kSecond = {.name = "b/web"};

std::string OwnerOf(const Snapshot& snapshot, const char* address) {
  const ServicePort* port = snapshot.FindService(At(address));
  return port == nullptr ? "" : port->name;
}

TEST(ConflictTest, GivesAVirtualAddressToTheServiceThatSortsFirstWhicheverComesFirst) {
  SnapshotBuilder forward;
  forward.PutAddress(MakeService(kFirst));
  forward.PutAddress(MakeService(kSecond));
  SnapshotBuilder backward;
  backward.PutAddress(MakeService(kSecond));
  backward.Build(1);
  backward.PutAddress(MakeService(kFirst));

  EXPECT_EQ(OwnerOf(*forward.Build(1), "10.96.0.1:80"), "a/web:80");
  EXPECT_EQ(OwnerOf(*backward.Build(2), "10.96.0.1:80"), "a/web:80");
}

TEST(ConflictTest, TellsTheLoserWhoHasItsAddress) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService(kFirst));

  EXPECT_EQ(builder.PutAddress(MakeService(kSecond)),
            "service \"b/web\": address 10.96.0.1:80 already belongs to \"a/web\", whose name "
            "sorts first; give one "
            "of them another");
}

TEST(ConflictTest, ListsAConflictWhoseLoserCameFirst) {
  SnapshotBuilder builder;
  EXPECT_EQ(builder.PutAddress(MakeService(kSecond)), "");
  EXPECT_EQ(builder.PutAddress(MakeService(kFirst)), "");

  EXPECT_THAT(builder.Conflicts(),
              ElementsAre(HasSubstr("\"a/web\" has it, since its name sorts first, before "
                                    "\"b/web\"")));
}

TEST(ConflictTest, LeavesTheLoserReachableByNameAndByWhatElseItDeclares) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService(kFirst));
  builder.PutAddress(MakeService({.name = "b/web", .addresses = {"10.96.0.1", "10.96.0.2"}}));

  const auto snapshot = builder.Build(1);

  EXPECT_NE(snapshot->FindServiceByName("b/web:80"), nullptr);
  EXPECT_EQ(OwnerOf(*snapshot, "10.96.0.2:80"), "b/web:80");
}

TEST(ConflictTest, HandsTheAddressOverWhenTheOwnerGoes) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService(kFirst));
  builder.PutAddress(MakeService(kSecond));
  builder.Build(1);

  builder.RemoveAddress("a/web");

  EXPECT_EQ(OwnerOf(*builder.Build(2), "10.96.0.1:80"), "b/web:80");
  EXPECT_THAT(builder.Conflicts(), IsEmpty());
}

TEST(ConflictTest, HandsTheAddressOverWhenTheOwnerIsRefused) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService(kFirst));
  builder.PutAddress(MakeService(kSecond));
  builder.Build(1);

  builder.PutAddress(MakeService({.name = "a/web", .ports = {{70000, istio::workload::TCP}}}));

  EXPECT_EQ(OwnerOf(*builder.Build(2), "10.96.0.1:80"), "b/web:80");
}

TEST(ConflictTest, IsNoneWhereOnlyThePortsDiffer) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService(kFirst));

  EXPECT_EQ(
      builder.PutAddress(MakeService({.name = "b/web", .ports = {{81, istio::workload::TCP}}})),
      "");
}

TEST(ConflictTest, GivesAWorkloadAddressToTheUidThatSortsFirstUntilItGoes) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeWorkload({.uid = "b"}));
  builder.Build(1);
  builder.PutAddress(MakeWorkload({.uid = "a"}));
  EXPECT_EQ(builder.Build(2)->FindWorkload(Ip("10.0.0.1"))->uid, "a");

  builder.RemoveAddress("a");

  EXPECT_EQ(builder.Build(3)->FindWorkload(Ip("10.0.0.1"))->uid, "b");
}

TEST(ConflictTest, CountsAnEndpointThatTwoWorkloadsShareOnce) {
  SnapshotBuilder builder;
  builder.PutAddress(MakeService({}));
  builder.PutAddress(MakeWorkload({.uid = "b"}));
  builder.PutAddress(MakeWorkload({.uid = "a"}));

  const auto& endpoints = builder.Build(1)->FindServiceByName("shop/web:80")->cluster->endpoints;

  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0].workload_uid, "a");
}

}  // namespace
}  // namespace sluice::model
