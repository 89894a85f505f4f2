// What must hold before a standalone mesh is started, so that the operator reads one clear sentence
// and not the aftermath of a failed start. Errors: kFailedPrecondition; the message says what is
// missing and how to mend it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"
#include "userspace/cli/options.h"

namespace sluice::cli {

// The agent holds an flock on this file as long as a mesh runs; its text is the holder's process
// id.
inline constexpr char kMachineLockPath[] = "/run/sluice.lock";

// The folder of the running program, where the others lie too.
absl::StatusOr<std::string> ProgramsFolder();

absl::Status CheckPrivilegesAndKernel();
absl::Status CheckPrograms(const std::string& programs_dir);
// Fails if another mesh holds the lock at `path`; takes nothing.
absl::Status CheckNoOtherMesh(const std::string& path);
// Makes the state folder and takes its lock for as long as the descriptor lives.
absl::StatusOr<base::UniqueFd> TakeStateFolder(const std::string& state_dir);

// "6.1.0-18-amd64" -> at least 6.1? Pure.
bool IsKernelAtLeast(const std::string& release, int major, int minor);
// What kernel.io_uring_disabled and kernel.io_uring_group mean for the unprivileged proxy. Pure.
bool IsRingForbidden(const std::string& disabled, const std::string& group);
// Whether a table in the form of /proc/self/mounts has a cgroup v2 file system. Pure.
bool HasCgroup2Mount(const std::string& mounts);

}  // namespace sluice::cli
