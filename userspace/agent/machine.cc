#include "userspace/agent/machine.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/agent/files.h"
#include "userspace/agent/network_namespace.h"
#include "userspace/agent/pod_namespace.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/datapath/earlier_runs.h"

namespace sluice::agent {
namespace {

constexpr char kSystemBpffs[] = "/sys/fs/bpf";
constexpr char kBpffsFolder[] = "sluice";

bool IsBpffs(const std::string& path) {
  struct statfs status;
  return statfs(path.c_str(), &status) == 0 &&
         static_cast<unsigned long>(status.f_type) == BPF_FS_MAGIC;
}

// Namespaces that cannot be put back are told in the log and do not keep the others.
absl::Status PutNamespacesBack(const UndoList& earlier, UndoJournal& journal) {
  absl::StatusOr<NamespaceSwitch> network = NamespaceSwitch::Create();
  if (!network.ok()) return network.status();
  PodNamespaces(*network, journal).RestoreEarlier(earlier);
  return absl::OkStatus();
}

std::string JournalPath(const std::string& state_dir) { return state_dir + "/undo.json"; }

}  // namespace

absl::StatusOr<MachineLock> MachineLock::Take(const std::string& path,
                                              const std::string& state_dir) {
  MachineLock lock;
  lock.fd_.Reset(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.fd_.is_valid()) return base::ErrnoStatus(errno, absl::StrCat("open ", path));
  std::array<char, PATH_MAX + 32> buffer;
  const bool is_taken = flock(lock.fd_.get(), LOCK_EX | LOCK_NB) != 0;
  const ssize_t size = pread(lock.fd_.get(), buffer.data(), buffer.size(), 0);
  const std::vector<std::string> lines =
      absl::StrSplit(std::string(buffer.data(), static_cast<size_t>(size < 0 ? 0 : size)), '\n');
  if (is_taken) {
    return absl::AlreadyExistsError(absl::StrCat("another sluice-agent runs on this machine (pid ",
                                                 lines[0], ", lock ", path,
                                                 "): stop it first; one mesh per machine"));
  }
  if (lines.size() >= 2) lock.unclean_state_dir_ = lines[1];
  const std::string text = absl::StrCat(getpid(), "\n", state_dir, "\n");
  if (ftruncate(lock.fd_.get(), 0) != 0 ||
      pwrite(lock.fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return base::ErrnoStatus(errno, absl::StrCat("write ", path));
  }
  return lock;
}

void MachineLock::MarkClean() const {
  if (ftruncate(fd_.get(), 0) != 0)
    base::LogWarning("cannot empty the lock file", {{"path", kLockPath}});
}

absl::StatusOr<std::string> FindBpffsDir(const std::string& state_dir, UndoJournal& journal) {
  const std::string& adopted = journal.list().bpffs_mount;
  if (!adopted.empty()) return absl::StrCat(adopted, "/", kBpffsFolder);
  if (IsBpffs(kSystemBpffs)) return absl::StrCat(kSystemBpffs, "/", kBpffsFolder);
  const std::string mount_point = absl::StrCat(state_dir, "/bpf");
  SLUICE_RETURN_IF_ERROR(MakeFolder(mount_point));
  SLUICE_RETURN_IF_ERROR(journal.RecordMount(mount_point));
  if (!IsBpffs(mount_point) && mount("bpf", mount_point.c_str(), "bpf", 0, "mode=0700") != 0) {
    return base::ErrnoStatus(errno, absl::StrCat("mount a bpffs on ", mount_point));
  }
  return absl::StrCat(mount_point, "/", kBpffsFolder);
}

absl::Status UnmountBpffs(const std::string& path) {
  if (path.empty() || !IsBpffs(path)) return absl::OkStatus();
  SLUICE_RETURN_IF_ERROR(datapath::RemoveAllRuns(absl::StrCat(path, "/", kBpffsFolder)));
  if (umount2(path.c_str(), MNT_DETACH) != 0)
    return base::ErrnoStatus(errno, absl::StrCat("unmount ", path));
  rmdir(path.c_str());
  return absl::OkStatus();
}

absl::Status UndoEarlierRun(const std::string& state_dir) {
  UndoJournal journal(JournalPath(state_dir), BootId());
  const absl::StatusOr<UndoList> earlier = journal.ReadEarlier();
  if (!earlier.ok()) return earlier.status();
  // Capture first: the namespaces may be put back only when nobody is led to the listeners any
  // more.
  if (IsBpffs(kSystemBpffs)) {
    SLUICE_RETURN_IF_ERROR(datapath::RemoveAllRuns(absl::StrCat(kSystemBpffs, "/", kBpffsFolder)));
  }
  SLUICE_RETURN_IF_ERROR(UnmountBpffs(earlier->bpffs_mount));
  SLUICE_RETURN_IF_ERROR(PutNamespacesBack(*earlier, journal));
  return journal.Close();
}

absl::Status AdoptEarlierRun(const std::string& state_dir, UndoJournal& journal) {
  UndoJournal left(JournalPath(state_dir), BootId());
  const absl::StatusOr<UndoList> earlier = left.ReadEarlier();
  if (!earlier.ok()) return earlier.status();
  const std::string adopted = journal.list().bpffs_mount;
  const std::string mount = IsBpffs(earlier->bpffs_mount) ? earlier->bpffs_mount : std::string();
  if (!mount.empty() && !adopted.empty() && mount != adopted) {
    return absl::FailedPreconditionError(
        absl::StrCat("two earlier runs left programs, below ", adopted, " and ", mount,
                     ": run `sluicectl cleanup --state-dir ", state_dir, "`"));
  }
  SLUICE_RETURN_IF_ERROR(PutNamespacesBack(*earlier, left));
  // Into this journal before it leaves the other: a crash between must not lose the mount.
  SLUICE_RETURN_IF_ERROR(journal.RecordMount(mount.empty() ? adopted : mount));
  return left.path() == journal.path() ? absl::OkStatus() : left.Close();
}

std::string ProgramVersion() { return SLUICE_VERSION; }

std::string BootId() {
  const absl::StatusOr<std::string> text = ReadFile("/proc/sys/kernel/random/boot_id", 256);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : std::string();
}

std::string KernelRelease() {
  utsname names;
  return uname(&names) == 0 ? names.release : "unknown";
}

std::string ProgramFolder() {
  std::array<char, PATH_MAX> buffer;
  const ssize_t size = readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (size <= 0) return ".";
  const std::string path(buffer.data(), static_cast<size_t>(size));
  return path.substr(0, path.rfind('/'));
}

}  // namespace sluice::agent
