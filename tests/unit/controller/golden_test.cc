// Every folder of tests/golden/controller is one case: its manifests, and expected.txt with what
// they come to. SLUICE_UPDATE_GOLDEN=1 writes expected.txt anew; read the difference before
// committing it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "controller/file/folder.h"
#include "controller/store/store.h"
#include "controller/translate/translate.h"
#include "tests/unit/controller/translation_text.h"

namespace sluice::controller {
namespace {

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(SLUICE_GOLDEN_DIR "/controller")) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string FolderOf(const std::string& name) { return SLUICE_GOLDEN_DIR "/controller/" + name; }

std::string TranslateFolder(const std::string& path) {
  ManifestFolder folder(path);
  const auto contents = folder.Read();
  if (!contents.ok()) return std::string(contents.status().message());
  Store store;
  for (const Manifest& manifest : contents->manifests) store.Add(manifest);
  std::string out = TranslationText(Translate(store, {.node = "node-1"}));
  for (const Problem& problem : contents->problems) out += ProblemText(problem);
  if (store.ignored_count() > 0) out += base::Concat("ignored ", store.ignored_count(), "\n");
  return out;
}

std::string ReadText(const std::string& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, ManifestsComeToWhatIsExpected) {
  const std::string expected_path = FolderOf(GetParam()) + "/expected.txt";

  const std::string actual = TranslateFolder(FolderOf(GetParam()));

  if (std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr) std::ofstream(expected_path) << actual;
  EXPECT_EQ(actual, ReadText(expected_path)) << "SLUICE_UPDATE_GOLDEN=1 writes " << expected_path;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, testing::ValuesIn(CaseNames()), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(GoldenCasesTest, ThereAreManyOfThem) { EXPECT_GE(CaseNames().size(), 40U); }

}  // namespace
}  // namespace sluice::controller
