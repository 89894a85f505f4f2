// What the agent changed outside itself, written down before it acts, so that the end of this run
// or the start of the next one after a crash can put it back. One JSON file (undo.json in the state
// folder):
//   {"boot_id": "...", "bpffs_mount": "/path or empty",
//    "namespaces": [{"path", "cookie", "sysctls": [{"file", "old"}], "families": [4, 6]}]}
// Cookies and mounts of another boot mean nothing: a journal with another boot_id is dropped.
// Thread: one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sluice::agent {

struct SysctlUndo {
  std::string file;  // "/proc/sys/net/ipv4/...", seen from inside the namespace.
  std::string old_value;
  friend bool operator==(const SysctlUndo&, const SysctlUndo&) = default;
};

struct NamespaceUndo {
  std::string path;
  uint64_t cookie = 0;
  std::vector<SysctlUndo> sysctls;
  bool has_route_v4 = false;
  bool has_route_v6 = false;
  friend bool operator==(const NamespaceUndo&, const NamespaceUndo&) = default;
};

struct UndoList {
  std::string boot_id;
  std::string bpffs_mount;
  std::vector<NamespaceUndo> namespaces;
  friend bool operator==(const UndoList&, const UndoList&) = default;
};

std::string UndoToText(const UndoList& list);
// Strict: unknown shapes, files outside /proc/sys/net/ and relative paths are refused.
absl::StatusOr<UndoList> UndoFromText(const std::string& text);

class UndoJournal {
 public:
  UndoJournal(std::string path, std::string boot_id);

  // What an earlier run of this boot left; empty if it ended well.
  absl::StatusOr<UndoList> ReadEarlier() const;

  // Each writes the file before it returns.
  absl::Status RecordMount(const std::string& path);
  absl::Status RecordNamespace(const NamespaceUndo& undo);
  absl::Status ForgetNamespace(uint64_t cookie);
  const NamespaceUndo* Find(uint64_t cookie) const;  // The oldest; null if there is none.
  const UndoList& list() const { return list_; }
  const std::string& path() const { return path_; }

  // Everything is put back: the file goes away.
  absl::Status Close();

 private:
  absl::Status Save() const;

  std::string path_;
  UndoList list_;
};

}  // namespace sluice::agent
