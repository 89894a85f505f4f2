#include "userspace/agent/undo_journal.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "userspace/agent/files.h"
#include "userspace/base/errors.h"

namespace sluice::agent {
namespace {

using nlohmann::json;

constexpr size_t kJournalSizeMax = 16u << 20;
constexpr char kSysctlFolder[] = "/proc/sys/net/";

// Empty text if the member is not there or not a string.
std::string TextOf(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool ReadSysctls(const json& array, NamespaceUndo& undo) {
  if (!array.is_array()) return false;
  for (const json& entry : array) {
    if (!entry.is_object()) return false;
    SysctlUndo sysctl{TextOf(entry, "file"), TextOf(entry, "old")};
    // The journal is ours, but it is replayed as root: it must not become a way to write elsewhere.
    if (!absl::StartsWith(sysctl.file, kSysctlFolder) || absl::StrContains(sysctl.file, ".."))
      return false;
    undo.sysctls.push_back(std::move(sysctl));
  }
  return true;
}

bool ReadFamilies(const json& array, NamespaceUndo& undo) {
  if (!array.is_array()) return false;
  for (const json& entry : array) {
    if (!entry.is_number_integer()) return false;
    if (entry.get<int64_t>() == 4) undo.has_route_v4 = true;
    if (entry.get<int64_t>() == 6) undo.has_route_v6 = true;
  }
  return true;
}

bool ReadNamespace(const json& entry, NamespaceUndo& undo) {
  if (!entry.is_object()) return false;
  undo.path = TextOf(entry, "path");
  const auto cookie = entry.find("cookie");
  if (!absl::StartsWith(undo.path, "/") || cookie == entry.end() || !cookie->is_number_unsigned())
    return false;
  undo.cookie = cookie->get<uint64_t>();
  return ReadSysctls(entry.value("sysctls", json()), undo) &&
         ReadFamilies(entry.value("families", json()), undo);
}

}  // namespace

std::string UndoToText(const UndoList& list) {
  json namespaces = json::array();
  for (const NamespaceUndo& undo : list.namespaces) {
    json sysctls = json::array();
    for (const SysctlUndo& sysctl : undo.sysctls) {
      sysctls.push_back({{"file", sysctl.file}, {"old", sysctl.old_value}});
    }
    json families = json::array();
    if (undo.has_route_v4) families.push_back(4);
    if (undo.has_route_v6) families.push_back(6);
    namespaces.push_back({{"path", undo.path},
                          {"cookie", undo.cookie},
                          {"sysctls", sysctls},
                          {"families", families}});
  }
  const json root = {
      {"boot_id", list.boot_id}, {"bpffs_mount", list.bpffs_mount}, {"namespaces", namespaces}};
  return root.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::StatusOr<UndoList> UndoFromText(const std::string& text) {
  const absl::Status refusal =
      absl::DataLossError("the undo journal does not have the expected form");
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return refusal;
  UndoList list;
  list.boot_id = TextOf(root, "boot_id");
  list.bpffs_mount = TextOf(root, "bpffs_mount");
  if (!list.bpffs_mount.empty() && list.bpffs_mount[0] != '/') return refusal;
  const auto namespaces = root.find("namespaces");
  if (namespaces == root.end() || !namespaces->is_array()) return refusal;
  for (const json& entry : *namespaces) {
    NamespaceUndo undo;
    if (!ReadNamespace(entry, undo)) return refusal;
    list.namespaces.push_back(std::move(undo));
  }
  return list;
}

UndoJournal::UndoJournal(std::string path, std::string boot_id) : path_(std::move(path)) {
  list_.boot_id = std::move(boot_id);
}

absl::StatusOr<UndoList> UndoJournal::ReadEarlier() const {
  const absl::StatusOr<std::string> text = ReadFile(path_, kJournalSizeMax);
  if (absl::IsNotFound(text.status())) return UndoList();
  if (!text.ok()) return text.status();
  absl::StatusOr<UndoList> earlier = UndoFromText(*text);
  if (!earlier.ok()) {
    return base::Wrap(earlier.status(),
                      absl::StrCat(path_,
                                   " (put the pods' sysctls and rules back by hand, then "
                                   "delete the file)"));
  }
  if (earlier->boot_id != list_.boot_id) return UndoList();
  return earlier;
}

absl::Status UndoJournal::RecordMount(const std::string& path) {
  list_.bpffs_mount = path;
  return Save();
}

absl::Status UndoJournal::RecordNamespace(const NamespaceUndo& undo) {
  list_.namespaces.push_back(undo);
  return Save();
}

absl::Status UndoJournal::ForgetNamespace(uint64_t cookie) {
  std::erase_if(list_.namespaces,
                [cookie](const NamespaceUndo& undo) { return undo.cookie == cookie; });
  return Save();
}

const NamespaceUndo* UndoJournal::Find(uint64_t cookie) const {
  for (const NamespaceUndo& undo : list_.namespaces) {
    if (undo.cookie == cookie) return &undo;
  }
  return nullptr;
}

absl::Status UndoJournal::Close() {
  if (unlink(path_.c_str()) != 0 && errno != ENOENT)
    return base::ErrnoStatus(errno, absl::StrCat("delete ", path_));
  return absl::OkStatus();
}

absl::Status UndoJournal::Save() const { return ReplaceFile(path_, UndoToText(list_)); }

}  // namespace sluice::agent
