#include "userspace/agent/machine.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
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
constexpr size_t kLockSizeMax = 64 * 1024;  // Of a dozen paths as long as they can be.

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

// Unless it is certain that there is none.
bool HasJournal(const std::string& state_dir) {
  return !state_dir.empty() && (access(JournalPath(state_dir).c_str(), F_OK) == 0 ||
                                (errno != ENOENT && errno != ENOTDIR));
}

}  // namespace

absl::StatusOr<MachineLock> MachineLock::Take(const std::string& path,
                                              const std::string& state_dir) {
  MachineLock lock;
  lock.path_ = path;
  lock.state_dir_ = state_dir;
  lock.fd_.Reset(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.fd_.is_valid()) return base::ErrnoStatus(errno, absl::StrCat("open ", path));
  const bool is_taken = flock(lock.fd_.get(), LOCK_EX | LOCK_NB) != 0;
  const absl::StatusOr<std::string> text = ReadFile(path, kLockSizeMax);
  if (!text.ok()) return text.status();
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  if (is_taken) {
    return absl::AlreadyExistsError(absl::StrCat("another sluice-agent runs on this machine (pid ",
                                                 lines[0], ", lock ", path,
                                                 "): stop it first; one mesh per machine"));
  }
  for (size_t i = 1; i < lines.size(); ++i) {
    std::vector<std::string>& dirs = lock.unclean_state_dirs_;
    const bool is_known = std::find(dirs.begin(), dirs.end(), lines[i]) != dirs.end();
    if (!is_known && HasJournal(lines[i])) dirs.push_back(lines[i]);
  }
  SLUICE_RETURN_IF_ERROR(lock.Write());
  return lock;
}

// The text first, then its end: whoever dies between leaves the rest of an older text behind it.
absl::Status MachineLock::Write() const {
  std::string text = absl::StrCat(getpid(), "\n", state_dir_, "\n");
  for (const std::string& dir : unclean_state_dirs_) {
    if (dir != state_dir_) absl::StrAppend(&text, dir, "\n");
  }
  if (text.size() > kLockSizeMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path_, " names more state folders of earlier runs than fit ", kLockSizeMax,
                     " bytes: run `sluicectl cleanup --state-dir DIR` for each, then empty it"));
  }
  if (pwrite(fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ftruncate(fd_.get(), static_cast<off_t>(text.size())) != 0) {
    return base::ErrnoStatus(errno, absl::StrCat("write ", path_));
  }
  return absl::OkStatus();
}

absl::Status MachineLock::ForgetEarlier() {
  unclean_state_dirs_.clear();
  return Write();
}

void MachineLock::MarkClean() const {
  if (ftruncate(fd_.get(), 0) != 0)
    base::LogWarning("cannot empty the lock file", {{"path", path_}});
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
