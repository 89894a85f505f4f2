#include "userspace/datapath/earlier_runs.h"

#include <bpf/bpf.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/base/text.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/pin_names.h"
#include "userspace/datapath/release.h"

namespace sluice::datapath {
namespace {

absl::Status CheckBpffs(const std::string& dir) {
  struct statfs filesystem;
  if (statfs(dir.c_str(), &filesystem) != 0)
    return base::ErrnoStatus(errno, absl::StrCat("looking at ", dir));
  if (filesystem.f_type == BPF_FS_MAGIC) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(dir, " is not on a bpffs; mount one above it: mount -t bpf none DIR"));
}

// A pin that is no link (a map) is refused by the kernel and needs no detaching.
void DetachLink(const std::string& path) {
  const base::UniqueFd link(bpf_obj_get(path.c_str()));
  if (link.is_valid()) bpf_link_detach(link.get());
}

bool IsNamespaceAlive(const std::string& path) {
  const base::UniqueFd link(bpf_obj_get(path.c_str()));
  if (!link.is_valid()) return true;  // Unknown: stays closed.
  bpf_link_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(link.get(), &info, &size) != 0) return true;
  return info.type != BPF_LINK_TYPE_NETNS || info.netns.netns_ino != 0;
}

std::vector<std::string> Entries(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool ParseInboundPin(const std::string& name, uint64_t& cookie) {
  const std::string_view prefix = kInboundPinPrefix;
  return std::string_view(name).substr(0, prefix.size()) == prefix &&
         absl::SimpleAtoi(base::ToAbsl(std::string_view(name).substr(prefix.size())), &cookie);
}

std::vector<uint64_t> PodsOf(const std::string& dir) {
  std::vector<uint64_t> pods;
  for (const std::string& name : Entries(dir)) {
    uint64_t cookie = 0;
    if (ParseInboundPin(name, cookie) && IsNamespaceAlive(absl::StrCat(dir, "/", name)))
      pods.push_back(cookie);
  }
  std::sort(pods.begin(), pods.end());
  return pods;
}

// Only the key's size is relied upon: a run with other keys stays as it is until all its pods are
// released, and its pods stay closed as long.
void ForgetPod(const std::string& dir, uint64_t cookie) {
  const base::UniqueFd map(bpf_obj_get(absl::StrCat(dir, "/", kPodsPin).c_str()));
  bpf_map_info info{};
  uint32_t size = sizeof info;
  if (!map.is_valid() || bpf_obj_get_info_by_fd(map.get(), &info, &size) != 0) return;
  if (info.type == BPF_MAP_TYPE_HASH && info.key_size == sizeof cookie)
    bpf_map_delete_elem(map.get(), &cookie);
}

// Capture first, then the rest: what a connect() hook has captured the others must complete.
int DetachOrder(const std::string& name) {
  if (name.find("connect") != std::string::npos) return 0;
  return name == kSplicedPin ? 2 : 1;
}

void DropRun(const std::string& dir) {
  if (const absl::Status status = RemovePins(dir); !status.ok())
    base::LogWarning("an earlier run cannot be taken away", {{"reason", status.ToString()}});
}

}  // namespace

absl::Status RemovePins(const std::string& dir, SocketsAre sockets) {
  std::vector<std::string> names = Entries(dir);
  std::stable_sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return DetachOrder(a) < DetachOrder(b);
  });
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(dir, "/", name);
    if (name == kSplicedPin) {
      const base::UniqueFd spliced(bpf_obj_get(path.c_str()));
      if (spliced.is_valid() && sockets == SocketsAre::kReleased) ReleaseSockets(spliced.get());
    } else {
      DetachLink(path);
    }
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
      return base::ErrnoStatus(errno, absl::StrCat("removing the pin ", path));
  }
  if (rmdir(dir.c_str()) != 0 && errno != ENOENT && errno != ENOTEMPTY)
    return base::ErrnoStatus(errno, absl::StrCat("removing ", dir));
  return absl::OkStatus();
}

absl::Status RemoveAllRuns(const std::string& base_dir) {
  absl::Status status;
  for (const std::string& name : Entries(base_dir)) {
    status.Update(RemovePins(absl::StrCat(base_dir, "/", name)));
  }
  if (rmdir(base_dir.c_str()) != 0 && errno != ENOENT)
    status.Update(base::ErrnoStatus(errno, absl::StrCat("removing ", base_dir)));
  return status;
}

bool HasRuns(const std::string& base_dir) { return !Entries(base_dir).empty(); }

absl::StatusOr<EarlierRuns> EarlierRuns::Find(const std::string& base_dir) {
  std::error_code error;
  std::filesystem::create_directories(base_dir, error);
  if (error) return base::ErrnoStatus(error.value(), absl::StrCat("making the folder ", base_dir));
  SLUICE_RETURN_IF_ERROR(CheckBpffs(base_dir));
  std::vector<uint64_t> numbers;
  for (const std::string& name : Entries(base_dir)) {
    uint64_t number = 0;
    if (absl::SimpleAtoi(name, &number)) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  EarlierRuns found;
  for (const uint64_t number : numbers) {
    Run run{.dir = absl::StrCat(base_dir, "/", number), .pods = {}};
    run.pods = PodsOf(run.dir);
    // Nobody is served by it any more: applications get their sockets back before the run goes.
    const base::UniqueFd spliced(bpf_obj_get(absl::StrCat(run.dir, "/", kSplicedPin).c_str()));
    if (spliced.is_valid()) ReleaseSockets(spliced.get());
    if (run.pods.empty()) {
      DropRun(run.dir);
    } else {
      found.runs_.push_back(std::move(run));
    }
  }
  found.own_dir_ = absl::StrCat(base_dir, "/", numbers.empty() ? 1 : numbers.back() + 1);
  if (found.runs_.size() > kEarlierRunsMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        found.runs_.size(), " earlier runs still hold pods closed below ", base_dir, ", at most ",
        kEarlierRunsMax, " may: run `sluicectl cleanup`, which opens them, and start again"));
  }
  return found;
}

std::vector<uint64_t> EarlierRuns::Pods() const {
  std::vector<uint64_t> pods;
  for (const Run& run : runs_) pods.insert(pods.end(), run.pods.begin(), run.pods.end());
  std::sort(pods.begin(), pods.end());
  pods.erase(std::unique(pods.begin(), pods.end()), pods.end());
  return pods;
}

void EarlierRuns::Release(uint64_t netns_cookie) {
  for (Run& run : runs_) {
    if (std::erase(run.pods, netns_cookie) == 0) continue;
    ForgetPod(run.dir, netns_cookie);
    const std::string inbound = absl::StrCat(run.dir, "/", kInboundPinPrefix, netns_cookie);
    DetachLink(inbound);
    unlink(inbound.c_str());
    if (run.pods.empty()) DropRun(run.dir);
  }
  std::erase_if(runs_, [](const Run& run) { return run.pods.empty(); });
}

void EarlierRuns::ReleaseAll() {
  for (const uint64_t cookie : Pods()) Release(cookie);
}

}  // namespace sluice::datapath
