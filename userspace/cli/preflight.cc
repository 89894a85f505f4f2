#include "userspace/cli/preflight.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "userspace/base/errors.h"
#include "userspace/cli/child_commands.h"

namespace sluice::cli {
namespace {

constexpr int kKernelMajorMin = 6;
constexpr int kKernelMinorMin = 1;

absl::Status Unmet(const std::string& text) { return absl::FailedPreconditionError(text); }

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::string Holder(const std::string& lock_path) {
  const std::string text = ReadText(lock_path);
  int pid = 0;
  const std::vector<std::string> words =
      absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  if (words.empty() || !absl::SimpleAtoi(words[0], &pid)) return "an unknown process";
  return absl::StrCat("process ", pid);
}

}  // namespace

absl::StatusOr<std::string> ProgramsFolder() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return base::ErrnoStatus(error.value(), "reading /proc/self/exe");
  return self.parent_path().string();
}

bool IsKernelAtLeast(const std::string& release, int major, int minor) {
  const std::vector<std::string> parts = absl::StrSplit(release, absl::ByAnyChar(".-+"));
  int has_major = 0;
  int has_minor = 0;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &has_major) ||
      !absl::SimpleAtoi(parts[1], &has_minor)) {
    return false;
  }
  return has_major != major ? has_major > major : has_minor >= minor;
}

bool HasCgroup2Mount(const std::string& mounts) {
  const std::vector<std::string> lines = absl::StrSplit(mounts, '\n');
  for (const std::string& line : lines) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    if (fields.size() > 2 && fields[2] == "cgroup2") return true;
  }
  return false;
}

// 1 forbids it to the unprivileged, which the proxy is, unless a group is excepted.
bool IsRingForbidden(const std::string& disabled, const std::string& group) {
  const auto value = absl::StripAsciiWhitespace(disabled);
  return value == "2" || (value == "1" && absl::StripAsciiWhitespace(group) == "-1");
}

absl::Status CheckPrivilegesAndKernel() {
  if (geteuid() != 0)
    return Unmet("the mesh loads BPF programs and enters network namespaces: run it as root");
  utsname name;
  if (uname(&name) == 0 && !IsKernelAtLeast(name.release, kKernelMajorMin, kKernelMinorMin)) {
    return Unmet(absl::StrCat("Linux ", kKernelMajorMin, ".", kKernelMinorMin,
                              " or newer is needed; this is ", name.release));
  }
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    return Unmet(
        "this kernel has no BTF (/sys/kernel/btf/vmlinux): it was built without "
        "CONFIG_DEBUG_INFO_BTF");
  }
  if (!HasCgroup2Mount(ReadText("/proc/self/mounts"))) {
    return Unmet(
        "no cgroup v2 file system is mounted: mount -t cgroup2 none /sys/fs/cgroup (or "
        "/sys/fs/cgroup/unified)");
  }
  if (IsRingForbidden(ReadText("/proc/sys/kernel/io_uring_disabled"),
                      ReadText("/proc/sys/kernel/io_uring_group"))) {
    return Unmet("io_uring is forbidden on this host: sysctl kernel.io_uring_disabled=0");
  }
  return absl::OkStatus();
}

absl::Status CheckPrograms(const std::string& programs_dir) {
  for (const char* name : {"sluice-controller", "sluice-agent", "sluice-proxy"}) {
    const std::string path = absl::StrCat(programs_dir, "/", name);
    if (access(path.c_str(), X_OK) != 0) {
      return Unmet(
          absl::StrCat(path,
                       " is missing or cannot be run: all programs of Sluice lie in one folder "
                       "(./dev build makes them)"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNoOtherMesh(const std::string& path) {
  base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_valid()) return absl::OkStatus();  // No mesh has ever run here.
  if (flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return absl::OkStatus();
  return Unmet(absl::StrCat("another mesh runs on this machine (", Holder(path), " holds ", path,
                            "); there can be one: stop that one first"));
}

absl::StatusOr<base::UniqueFd> TakeStateFolder(const std::string& state_dir) {
  if (ControllerSocketPath(state_dir).size() >= sizeof(sockaddr_un::sun_path)) {
    return Unmet(absl::StrCat("--state-dir ", state_dir,
                              " is too long for the sockets in it: choose a shorter path"));
  }
  std::error_code error;
  std::filesystem::create_directories(state_dir, error);
  if (error)
    return base::ErrnoStatus(error.value(), absl::StrCat("making the state folder ", state_dir));
  const std::string path = state_dir + "/standalone.lock";
  base::UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.is_valid()) return base::ErrnoStatus(errno, absl::StrCat("opening ", path));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Unmet(absl::StrCat("another mesh runs on this machine (", Holder(path), " uses ",
                              state_dir, "); there can be one: stop that one first"));
  }
  const std::string text = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), text.data(), text.size(), 0) < 0) {
    return base::ErrnoStatus(errno, absl::StrCat("writing ", path));
  }
  return fd;
}

}  // namespace sluice::cli
