#include "controller/file/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "controller/store/names.h"
#include "userspace/base/errors.h"
#include "userspace/base/text.h"
#include "userspace/base/unique_fd.h"

namespace sluice::controller {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

bool IsManifestName(std::string_view name) {
  if (name.starts_with('.'))
    return false;  // Hidden: half-written copies of editors, ConfigMap's own folders.
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

absl::StatusOr<std::vector<std::string>> ListManifests(const std::string& path) {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (folder == nullptr) return base::ErrnoStatus(errno, base::Concat("open the folder ", path));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (IsManifestName(entry->d_name)) names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The file's bytes; an error text if it cannot be read.
std::string Slurp(const std::string& path, std::string& text) {
  // Non-blocking, so that a pipe with a manifest's name cannot stop the controller.
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_valid()) return base::Concat("cannot be opened: ", std::strerror(errno));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return base::Concat("cannot be read: ", std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return "is not a regular file";
  if (static_cast<uint64_t>(info.st_size) > kFileSizeMax)
    return base::Concat("is larger than ", kFileSizeMax, " bytes");
  text.resize(static_cast<size_t>(info.st_size) + 1);
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::Concat("cannot be read: ", std::strerror(errno));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size == text.size()) return "grew while it was read";
  text.resize(size);
  return "";
}

// "Pod/shop/web" for each object, so that a kept document can be told from one that was written
// anew.
void CollectTitles(const Json& value, std::set<std::string>& titles) {
  if (!value.is_object()) return;
  if (const auto items = value.find("items"); items != value.end() && items->is_array()) {
    for (const Json& item : *items) {
      if (item.is_object() && !item.contains("items")) CollectTitles(item, titles);
    }
    return;
  }
  const auto text = [](const Json& object, const char* name) -> std::string {
    const auto it = object.find(name);
    return it != object.end() && it->is_string() ? it->get<std::string>() : "";
  };
  const auto metadata = value.find("metadata");
  if (metadata == value.end() || !metadata->is_object()) return;
  titles.insert(base::Concat(text(value, "kind"), "/", text(*metadata, "namespace"), "/",
                             text(*metadata, "name")));
}

}  // namespace

ManifestFolder::ManifestFolder(std::string path) : path_(std::move(path)) {}

absl::StatusOr<FolderContents> ManifestFolder::Read() {
  absl::StatusOr<std::vector<std::string>> names = ListManifests(path_);
  if (!names.ok()) return names.status();
  FolderContents out;
  if (names->size() > kFilesMax) {
    out.problems.push_back(
        {.file = Repaired((*names)[kFilesMax]),
         .reason = base::Concat("the folder has more than ", kFilesMax,
                                " manifests; this one and those after it are not read"),
         .mend = "join several objects into one file"});
    names->resize(kFilesMax);
  }
  for (auto& [unused, file] : files_) file.is_seen = false;
  for (const std::string& name : *names) ReadFile(name);
  std::erase_if(files_, [](const auto& entry) { return !entry.second.is_seen; });
  for (const auto& [unused, file] : files_) {
    out.manifests.insert(out.manifests.end(), file.manifests.begin(), file.manifests.end());
    out.problems.insert(out.problems.end(), file.problems.begin(), file.problems.end());
  }
  return out;
}

void ManifestFolder::ReadFile(const std::string& name) {
  std::string text;
  const std::string error = Slurp(base::Concat(path_, "/", name), text);
  const auto [it, is_new] = files_.try_emplace(name);
  File& file = it->second;
  file.is_seen = true;
  if (!error.empty()) {
    Update(name, {{.document = 1, .error = error}}, file);
    file.text.clear();
    return;
  }
  if (!is_new && file.text == text && !text.empty()) return;
  Update(name, ParseManifests(name, text), file);
  file.text = std::move(text);
}

void ManifestFolder::Update(const std::string& name, std::vector<ParsedDocument> documents,
                            File& file) {
  std::vector<Manifest> manifests;
  std::set<std::string> titles;
  const std::string shown_name = Repaired(name);
  file.problems.clear();
  for (ParsedDocument& document : documents) {
    if (document.error.empty()) {
      CollectTitles(document.value, titles);
      manifests.push_back({.origin = {.file = shown_name, .document = document.document},
                           .value = std::move(document.value)});
      continue;
    }
    file.problems.push_back({.file = shown_name,
                             .document = document.document,
                             .reason = Repaired(document.error),
                             .mend = "mend the file; what it last said stays in force until then"});
  }
  if (!file.problems.empty()) {
    for (Manifest& old : file.manifests) {
      std::set<std::string> old_titles;
      CollectTitles(old.value, old_titles);
      const auto is_written = [&titles](const std::string& title) {
        return titles.contains(title);
      };
      if (std::any_of(old_titles.begin(), old_titles.end(), is_written)) continue;
      manifests.push_back(std::move(old));
    }
  }
  file.manifests = std::move(manifests);
}

std::string ManifestFolder::Fingerprint() const {
  const absl::StatusOr<std::vector<std::string>> names = ListManifests(path_);
  if (!names.ok()) return names.status().ToString();
  std::string out;
  for (const std::string& name : *names) {
    struct stat info {};
    if (::stat(base::Concat(path_, "/", name).c_str(), &info) != 0) {
      out += base::Concat(name, " -\n");
      continue;
    }
    out += base::Concat(name, " ", info.st_dev, " ", info.st_ino, " ", info.st_size, " ",
                        info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, " ", info.st_ctim.tv_sec,
                        ".", info.st_ctim.tv_nsec, "\n");
  }
  return out;
}

}  // namespace sluice::controller
