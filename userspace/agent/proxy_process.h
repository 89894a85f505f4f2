// Starts sluice-proxy as an ordinary user without a single privilege, with one end of a socket pair
// as descriptor 3 and nothing else open but standard error. Thread: one; the caller has no other
// threads (fork).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace sluice::agent {

struct ProxyLaunch {
  std::string path;      // Of the program.
  uint32_t uid = 61337;  // User and group.
  std::string log_level = "info";
};

struct ProxyProcess {
  pid_t pid = 0;
  base::UniqueFd pidfd;   // Readable when the process has ended.
  base::UniqueFd socket;  // Our end.
};

absl::StatusOr<ProxyProcess> StartProxy(const ProxyLaunch& launch);

// Reaps an ended process: "exit code 1", "signal 9 (Killed)".
std::string ReapProxy(pid_t pid);

}  // namespace sluice::agent
