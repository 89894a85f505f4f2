#include "userspace/base/stderr.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace sluice::base {
namespace {

bool IsBlocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

// Of something that its reader can fill up.
bool CanFill(const struct stat& kind) { return S_ISFIFO(kind.st_mode) || S_ISCHR(kind.st_mode); }

// Where stderr blocks after all (another user's terminal cannot be opened anew) only what fits for
// certain is written.
bool HasRoom() {
  pollfd wanted = {.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  return poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLOUT) != 0;
}

}  // namespace

void PrepareStandardStreams() {
  signal(SIGPIPE, SIG_IGN);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);  // Takes the lowest number: that one.
  }
  struct stat kind;
  if (fstat(STDERR_FILENO, &kind) != 0 || !CanFill(kind) || !IsBlocking(STDERR_FILENO)) return;
  const int own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0) return;
  dup2(own, STDERR_FILENO);
  close(own);
}

bool WriteToStderr(std::string_view text) {
  struct stat kind;
  if (fstat(STDERR_FILENO, &kind) != 0) return false;
  const bool is_socket = S_ISSOCK(kind.st_mode);
  if (CanFill(kind) && IsBlocking(STDERR_FILENO) && !HasRoom()) return false;
  while (!text.empty()) {
    const ssize_t written =
        is_socket ? send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                  : write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace sluice::base
