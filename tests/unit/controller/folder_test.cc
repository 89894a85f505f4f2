#include "controller/file/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "tests/unit/controller/temp_folder.h"

namespace sluice::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string ServiceText(const std::string& name, int port = 80) {
  return "kind: Service\nmetadata: {name: " + name +
         "}\nspec: {ports: [{port: " + std::to_string(port) + "}]}\n";
}

FolderContents ReadOrDie(ManifestFolder& folder) {
  auto contents = folder.Read();
  EXPECT_TRUE(contents.ok()) << contents.status();
  return contents.ok() ? *std::move(contents) : FolderContents{};
}

// "file/name:port" of each manifest.
std::vector<std::string> Names(const FolderContents& contents) {
  std::vector<std::string> out;
  for (const Manifest& manifest : contents.manifests) {
    out.push_back(manifest.origin.file + "/" +
                  manifest.value["metadata"]["name"].get<std::string>() + ":" +
                  manifest.value["spec"]["ports"][0]["port"].dump());
  }
  return out;
}

TEST(ManifestFolderTest, ReadsManifestsInOrderOfNameAndNothingElse) {
  const TempFolder temp;
  temp.Write("b.yml", ServiceText("b"));
  temp.Write("a.yaml", ServiceText("a"));
  temp.Write("c.json", R"({"metadata":{"name":"c"},"spec":{"ports":[{"port":80}]}})");
  temp.Write("readme.txt", "not: a manifest");
  temp.Write(".hidden.yaml", ServiceText("hidden"));
  ManifestFolder folder(temp.path());

  const FolderContents contents = ReadOrDie(folder);

  EXPECT_THAT(Names(contents), ElementsAre("a.yaml/a:80", "b.yml/b:80", "c.json/c:80"));
  EXPECT_THAT(contents.problems, IsEmpty());
}

TEST(ManifestFolderTest, FailsWhenTheFolderIsMissing) {
  ManifestFolder folder("/nonexistent/manifests");

  const auto contents = folder.Read();

  ASSERT_FALSE(contents.ok());
  EXPECT_THAT(contents.status().ToString(), HasSubstr("/nonexistent/manifests"));
}

TEST(ManifestFolderTest, SeesAChangedAndARemovedFile) {
  const TempFolder temp;
  temp.Write("a.yaml", ServiceText("a"));
  temp.Write("b.yaml", ServiceText("b"));
  ManifestFolder folder(temp.path());
  ReadOrDie(folder);

  temp.Write("a.yaml", ServiceText("a", 81));
  temp.Remove("b.yaml");

  EXPECT_THAT(Names(ReadOrDie(folder)), ElementsAre("a.yaml/a:81"));
}

TEST(ManifestFolderTest, KeepsTheLastGoodObjectsOfABrokenFile) {
  const TempFolder temp;
  temp.Write("a.yaml", ServiceText("a") + "---\n" + ServiceText("b"));
  ManifestFolder folder(temp.path());
  ReadOrDie(folder);

  temp.Write("a.yaml", ServiceText("a") + "---\nkind: Service\nmetadata: {na");
  const FolderContents contents = ReadOrDie(folder);

  EXPECT_THAT(Names(contents), ElementsAre("a.yaml/a:80", "a.yaml/b:80"));
  ASSERT_THAT(contents.problems, SizeIs(1));
  EXPECT_EQ(contents.problems[0].document, 2U);
}

TEST(ManifestFolderTest, TakesTheReadablePartOfABrokenFile) {
  const TempFolder temp;
  temp.Write("a.yaml", ServiceText("a") + "---\n" + ServiceText("b"));
  ManifestFolder folder(temp.path());
  ReadOrDie(folder);

  temp.Write("a.yaml", ServiceText("a", 81) + "---\n" + ServiceText("c") + "---\n: [");

  EXPECT_THAT(Names(ReadOrDie(folder)), ElementsAre("a.yaml/a:81", "a.yaml/c:80", "a.yaml/b:80"));
}

TEST(ManifestFolderTest, DropsKeptObjectsWhenTheFileIsMended) {
  const TempFolder temp;
  temp.Write("a.yaml", ServiceText("a") + "---\n" + ServiceText("b"));
  ManifestFolder folder(temp.path());
  ReadOrDie(folder);
  temp.Write("a.yaml", "kind: [");
  ReadOrDie(folder);

  temp.Write("a.yaml", ServiceText("c"));
  const FolderContents contents = ReadOrDie(folder);

  EXPECT_THAT(Names(contents), ElementsAre("a.yaml/c:80"));
  EXPECT_THAT(contents.problems, IsEmpty());
}

TEST(ManifestFolderTest, KeepsObjectsOfAFileThatCannotBeRead) {
  const TempFolder temp;
  temp.Write("a.yaml", ServiceText("a"));
  ManifestFolder folder(temp.path());
  ReadOrDie(folder);

  temp.Remove("a.yaml");
  std::filesystem::create_symlink("missing.yaml", temp.Path("a.yaml"));
  const FolderContents contents = ReadOrDie(folder);

  EXPECT_THAT(Names(contents), ElementsAre("a.yaml/a:80"));
  EXPECT_THAT(contents.problems, SizeIs(1));
}

TEST(ManifestFolderTest, RefusesAFileThatIsTooLarge) {
  const TempFolder temp;
  temp.Write("a.yaml", std::string(kFileSizeMax + 1, '#'));
  ManifestFolder folder(temp.path());

  const FolderContents contents = ReadOrDie(folder);

  ASSERT_THAT(contents.problems, SizeIs(1));
  EXPECT_THAT(contents.problems[0].reason, HasSubstr("larger than 8388608 bytes"));
}

TEST(ManifestFolderTest, RefusesAPipeWithoutWaitingForIt) {
  const TempFolder temp;
  ASSERT_EQ(::mkfifo(temp.Path("a.yaml").c_str(), 0600), 0);
  ManifestFolder folder(temp.path());

  const FolderContents contents = ReadOrDie(folder);

  ASSERT_THAT(contents.problems, SizeIs(1));
  EXPECT_EQ(contents.problems[0].reason, "is not a regular file");
}

TEST(ManifestFolderTest, RefusesTextThatIsNotUtf8) {
  const TempFolder temp;
  temp.Write("a.yaml", "kind: \xff\n");
  temp.Write("b.yaml", std::string("kind: a\0b\n", 10));
  ManifestFolder folder(temp.path());

  const FolderContents contents = ReadOrDie(folder);

  ASSERT_THAT(contents.problems, SizeIs(2));
  EXPECT_EQ(contents.problems[0].reason, "is not UTF-8 text");
}

}  // namespace
}  // namespace sluice::controller
