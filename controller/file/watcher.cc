#include "controller/file/watcher.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "userspace/base/errors.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr uint32_t kEvents = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

int64_t NowMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

bool AddToPoll(int poll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  return ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

FolderWatcher::FolderWatcher(std::string path, const ManifestFolder& folder)
    : path_(std::move(path)), folder_(folder) {}

absl::StatusOr<std::unique_ptr<FolderWatcher>> FolderWatcher::Create(const std::string& path,
                                                                     const ManifestFolder& folder) {
  std::unique_ptr<FolderWatcher> out(new FolderWatcher(path, folder));
  out->inotify_.Reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!out->inotify_.is_valid()) return base::ErrnoStatus(errno, "make an inotify instance");
  out->timer_.Reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!out->timer_.is_valid()) return base::ErrnoStatus(errno, "make a timer");
  out->poll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!out->poll_.is_valid() || !AddToPoll(out->poll_.get(), out->inotify_.get()) ||
      !AddToPoll(out->poll_.get(), out->timer_.get())) {
    return base::ErrnoStatus(errno, "make an epoll instance");
  }
  out->Watch();
  if (out->watch_ < 0) return base::ErrnoStatus(errno, base::Concat("watch the folder ", path));
  out->fingerprint_ = folder.Fingerprint();
  const int64_t now_ms = NowMs();
  out->compare_at_ms_ = now_ms + kComparePeriodMs;
  out->ArmTimer(now_ms);
  return out;
}

// Also after the folder has been replaced: the watch belongs to the inode, not to the path.
void FolderWatcher::Watch() {
  watch_ = ::inotify_add_watch(inotify_.get(), path_.c_str(), kEvents | IN_ONLYDIR);
}

bool FolderWatcher::DrainEvents() {
  alignas(inotify_event) char buffer[16 * 1024];
  bool has_events = false;
  while (true) {
    const ssize_t size = ::read(inotify_.get(), buffer, sizeof buffer);
    if (size <= 0) return has_events;
    has_events = true;  // Which file it was does not matter: reading compares bytes.
  }
}

void FolderWatcher::NoteChange(int64_t now_ms) {
  if (first_change_ms_ < 0) first_change_ms_ = now_ms;
  last_change_ms_ = now_ms;
}

bool FolderWatcher::Step() {
  uint64_t expirations = 0;
  // The count does not matter, and EAGAIN only says that inotify woke us.
  [[maybe_unused]] const ssize_t unused = ::read(timer_.get(), &expirations, sizeof expirations);
  const bool has_events = DrainEvents();
  const int64_t now_ms = NowMs();
  if (has_events) NoteChange(now_ms);
  if (now_ms >= compare_at_ms_) {
    compare_at_ms_ = now_ms + kComparePeriodMs;
    Watch();
    std::string fingerprint = folder_.Fingerprint();
    if (fingerprint != fingerprint_) {
      fingerprint_ = std::move(fingerprint);
      NoteChange(now_ms);
    }
  }
  const bool is_settled = first_change_ms_ >= 0 && (now_ms - last_change_ms_ >= kSettleMs ||
                                                    now_ms - first_change_ms_ >= kSettleMaxMs);
  if (is_settled) {
    first_change_ms_ = -1;
    fingerprint_ = folder_.Fingerprint();
  }
  ArmTimer(now_ms);
  return is_settled;
}

void FolderWatcher::ArmTimer(int64_t now_ms) {
  int64_t at_ms = compare_at_ms_;
  if (first_change_ms_ >= 0) {
    at_ms = std::min({at_ms, last_change_ms_ + kSettleMs, first_change_ms_ + kSettleMaxMs});
  }
  const int64_t wait_ms = std::max<int64_t>(at_ms - now_ms, 1);
  itimerspec when{};
  when.it_value.tv_sec = wait_ms / 1000;
  when.it_value.tv_nsec = (wait_ms % 1000) * 1000000;
  ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

}  // namespace sluice::controller
