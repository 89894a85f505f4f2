// Says when a folder of manifests should be read again. Inotify gives the speed, a comparison of
// fingerprints twice a second sees what inotify cannot (files behind symbolic links, the folder
// itself replaced, network file systems). Changes are reported when they have settled for
// kSettleMs, after kSettleMaxMs at the latest, so that a file written in several pieces is read
// once. Thread: the one that polls fd().
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "controller/file/folder.h"
#include "userspace/base/unique_fd.h"

namespace sluice::controller {

inline constexpr int64_t kSettleMs = 50;
inline constexpr int64_t kSettleMaxMs = 300;
inline constexpr int64_t kComparePeriodMs = 500;

class FolderWatcher {
 public:
  // `folder` must outlive the watcher. Errors: no such folder; no inotify instance left.
  static absl::StatusOr<std::unique_ptr<FolderWatcher>> Create(const std::string& path,
                                                               const ManifestFolder& folder);

  int fd() const { return poll_.get(); }  // Readable: call Step.
  // True if the folder should be read now. Never blocks.
  bool Step();

 private:
  FolderWatcher(std::string path, const ManifestFolder& folder);
  void Watch();
  bool DrainEvents();
  void NoteChange(int64_t now_ms);
  void ArmTimer(int64_t now_ms);

  std::string path_;
  const ManifestFolder& folder_;
  base::UniqueFd inotify_;
  base::UniqueFd timer_;
  base::UniqueFd poll_;  // An epoll of both.
  int watch_ = -1;
  std::string fingerprint_;
  int64_t compare_at_ms_ = 0;
  int64_t first_change_ms_ = -1;  // -1: nothing has changed since the last report.
  int64_t last_change_ms_ = 0;
};

}  // namespace sluice::controller
