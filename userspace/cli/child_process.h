// One child process: started with our stderr, told to end, waited for through a pidfd.
// Its own process group keeps a Ctrl-C on the terminal from reaching it past us; it is sent SIGTERM
// if we die. Owns: the pidfd, not the process. Thread: the one that lives as long as the program
// (PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"
#include "userspace/cli/supervision.h"

namespace sluice::cli {

class ChildProcess {
 public:
  // Errors: also those of execve in the child, with the program's path.
  static absl::StatusOr<ChildProcess> Start(const std::vector<std::string>& command);

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }  // Readable once the process has ended.
  void Signal(int number) const;
  Exit Wait();  // Blocks; call once, when pidfd() is readable.

 private:
  ChildProcess(pid_t pid, base::UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  base::UniqueFd pidfd_;
};

}  // namespace sluice::cli
