// The manifests of one folder. A file that can no longer be read or parsed does not tear down what
// it described: the objects of its last good reading stay in force where the readable part does not
// speak of them, and the problem is reported until the file is mended or removed. Thread: one at a
// time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/file/parse.h"
#include "controller/store/manifest.h"
#include "controller/store/problem.h"

namespace sluice::controller {

inline constexpr size_t kFilesMax = 4096;

struct FolderContents {
  std::vector<Manifest> manifests;  // In order of file name, then document.
  std::vector<Problem> problems;
};

class ManifestFolder {
 public:
  explicit ManifestFolder(std::string path);

  // Reads *.yaml, *.yml and *.json (not in sub-folders, not hidden ones). Files whose bytes have
  // not changed are not parsed again. Errors: the folder itself cannot be read; what was read
  // before stays known.
  absl::StatusOr<FolderContents> Read();

  // Changes whenever a file may have changed: names, sizes, times and inodes. Equal: nothing did.
  std::string Fingerprint() const;

 private:
  struct File {
    std::string text;
    std::vector<Manifest> manifests;  // Of this reading, and kept ones.
    std::vector<Problem> problems;
    bool is_seen = false;
  };

  void ReadFile(const std::string& name);
  void Update(const std::string& name, std::vector<ParsedDocument> documents, File& file);

  std::string path_;
  std::map<std::string, File> files_;
};

}  // namespace sluice::controller
