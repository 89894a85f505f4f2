// What runs before this one left attached, so that their pods stay closed: the run died, or it
// ended for an upgrade. Every run pins below the mesh's folder in a folder of its own, named by a
// number:
//   <bpffs>/sluice/<run>/link_*, inbound_<netns cookie>, sluice_* (maps)
// Pins are taken apart by their names and by what the kernel says about any map or link; values in
// maps of another run are never read, since another version may have laid them out.
// Errors: what cannot be taken away is logged and stays closed. Thread: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sluice::datapath {

// Earlier runs that still have pods. A pod that is taken over leaves its run, so there are several
// only after starts that died half way; the kernel allows 64 programs at one hook.
inline constexpr size_t kEarlierRunsMax = 16;

class EarlierRuns {
 public:
  // Makes `base_dir` if it is missing. Runs that capture nobody go away at once.
  // Errors: not on a bpffs; more than kEarlierRunsMax.
  static absl::StatusOr<EarlierRuns> Find(const std::string& base_dir);

  // Where this run pins: a number that none of the others has.
  const std::string& own_dir() const { return own_dir_; }

  // Netns cookies that earlier runs capture and that were not released, sorted.
  std::vector<uint64_t> Pods() const;
  // This run has the pod now, or nobody wants it captured any more. The last pod of a run takes the
  // run with it.
  void Release(uint64_t netns_cookie);
  void ReleaseAll();

 private:
  struct Run {
    std::string dir;
    std::vector<uint64_t> pods;  // Sorted.
  };

  std::string own_dir_;
  std::vector<Run> runs_;  // Oldest first.
};

// Takes every pin in `dir` away and the folder too; what is attached only through them is detached
// when this returns. Ok if there is none. Sockets of a run that still serves must stay in the
// sockhash: the kernel throws away what was redirected to a socket and is not read yet.
enum class SocketsAre { kReleased, kLeft };
absl::Status RemovePins(const std::string& dir, SocketsAre sockets = SocketsAre::kReleased);

// The same for every run below `base_dir`, and the folder itself: all pods are open then.
absl::Status RemoveAllRuns(const std::string& base_dir);
bool HasRuns(const std::string& base_dir);

}  // namespace sluice::datapath
