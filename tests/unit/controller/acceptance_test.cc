// What the controller sends is what the node takes: a resource that it refused would be lost in
// silence.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "controller/file/folder.h"
#include "controller/publish/resources.h"
#include "controller/store/store.h"
#include "controller/translate/translate.h"
#include "userspace/model/snapshot_builder.h"

namespace sluice::controller {
namespace {

Translation TranslateFolder(const std::string& path) {
  ManifestFolder folder(path);
  const auto contents = folder.Read();
  Store store;
  if (contents.ok()) {
    for (const Manifest& manifest : contents->manifests) store.Add(manifest);
  }
  return Translate(store, {.node = "node-1"});
}

TEST(AcceptanceTest, TheNodeTakesEveryResourceOfTheGoldenCases) {
  size_t resource_count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SLUICE_GOLDEN_DIR "/controller")) {
    const Translation translation = TranslateFolder(entry.path().string());
    model::SnapshotBuilder builder;
    for (const auto& [name, address] : translation.addresses) {
      EXPECT_EQ(builder.PutAddress(address), "") << entry.path() << " " << name;
      ++resource_count;
    }
    for (const auto& [name, table] : translation.route_tables) {
      EXPECT_EQ(builder.PutRouteTable(name, table), "") << entry.path() << " " << name;
      ++resource_count;
    }
  }
  EXPECT_GT(resource_count, 100U);
}

TEST(AcceptanceTest, EqualManifestsGiveEqualVersions) {
  for (const auto& entry : std::filesystem::directory_iterator(SLUICE_GOLDEN_DIR "/controller")) {
    const ResourceSet first = MakeResources(TranslateFolder(entry.path().string()));
    const ResourceSet second = MakeResources(TranslateFolder(entry.path().string()));
    EXPECT_TRUE(HasSameContent(first, second)) << entry.path();
  }
}

}  // namespace
}  // namespace sluice::controller
