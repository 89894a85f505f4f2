// What the agent needs of the machine once: that it is alone, a bpffs, names.
// Thread: one.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/agent/undo_journal.h"
#include "userspace/base/unique_fd.h"

namespace sluice::agent {

inline constexpr char kLockPath[] = "/run/sluice.lock";

// One mesh on one machine. The lock file tells who has it, where its state is, and where that of
// earlier runs is which nobody has taken over yet:
//   <pid> LF <state folder> LF { <state folder> LF }
// It keeps that text after a crash, so that the next run finds what must be undone; a clean end
// empties it. A folder without a journal is forgotten: nothing was changed from there.
class MachineLock {
 public:
  // kAlreadyExists, with the holder's pid, if another agent runs.
  static absl::StatusOr<MachineLock> Take(const std::string& path, const std::string& state_dir);
  // State folders of runs that left something or died, the latest first.
  const std::vector<std::string>& unclean_state_dirs() const { return unclean_state_dirs_; }
  // What they left is this run's now, and in its own journal.
  absl::Status ForgetEarlier();
  // Everything is undone.
  void MarkClean() const;

 private:
  absl::Status Write() const;

  base::UniqueFd fd_;
  std::string path_;
  std::string state_dir_;
  std::vector<std::string> unclean_state_dirs_;
};

// Where pins may lie: <a bpffs>/sluice. The one that the journal took over from an earlier run,
// else the machine's, else one mounted on <state_dir>/bpf.
absl::StatusOr<std::string> FindBpffsDir(const std::string& state_dir, UndoJournal& journal);

// Undoes what an agent that did not end cleanly left: programs, pins, mounts, namespaces. Its
// journal goes away.
absl::Status UndoEarlierRun(const std::string& state_dir);

// Takes over what an agent that left or died has changed: namespaces are put back, to be prepared
// anew; programs and their mount stay, since they keep its pods closed, and become this journal's.
absl::Status AdoptEarlierRun(const std::string& state_dir, UndoJournal& journal);

// Takes a mount of ours away, pins and all.
absl::Status UnmountBpffs(const std::string& path);

std::string ProgramVersion();
std::string BootId();
std::string KernelRelease();
std::string ProgramFolder();  // Of the running program.

}  // namespace sluice::agent
