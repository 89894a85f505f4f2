#include "userspace/agent/proxy_process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/base/errors.h"
#include "userspace/base/exit_codes.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace sluice::agent {
namespace {

constexpr int kProxyFd = 3;
constexpr int kExitCannotStart = 127;
constexpr int kCapabilityLast =
    63;  // More than any kernel has; the call refuses those it does not know.

// Everything below runs in the child between fork and exec: system calls only, no allocation.

[[noreturn]] void Die(const char* doing) {
  const int error = errno;
  const char* text = strerrordesc_np(error);
  dprintf(STDERR_FILENO, "sluice-proxy cannot be started: %s: %s\n", doing,
          text == nullptr ? "unknown error" : text);
  _exit(kExitCannotStart);
}

void ArrangeDescriptors(int socket_fd) {
  const int null_fd = open("/dev/null", O_RDONLY);
  if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0) Die("open /dev/null");
  // Standard output belongs to whoever started the agent and reads `ready` there.
  if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0) Die("standard output");
  if (socket_fd == kProxyFd) {
    if (fcntl(socket_fd, F_SETFD, 0) < 0) Die("keep the socket open");
  } else if (dup2(socket_fd, kProxyFd) < 0) {
    Die("place the socket");
  }
  if (syscall(SYS_close_range, kProxyFd + 1, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
    Die("close other descriptors");
}

void DropPrivileges(uint32_t uid) {
  for (int capability = 0; capability <= kCapabilityLast; ++capability) {
    // EINVAL: the kernel has no such capability. EPERM: the agent lacks CAP_SETPCAP; the sets are
    // cleared below.
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  if (setgroups(0, nullptr) != 0) Die("drop groups");
  if (setresgid(uid, uid, uid) != 0) Die("change group");
  if (setresuid(uid, uid, uid) != 0) Die("change user");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (syscall(SYS_capset, &header, none.data()) != 0) Die("clear capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Die("set no_new_privs");
}

[[noreturn]] void BecomeProxy(const ProxyLaunch& launch, int socket_fd, int program_fd,
                              pid_t agent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ArrangeDescriptors(socket_fd);
  DropPrivileges(launch.uid);
  // After the change of user, which clears it. A proxy without its agent would hold sockets that
  // nobody watches.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) Die("tie the proxy to the agent");
  if (getppid() != agent) _exit(kExitCannotStart);
  const char* arguments[] = {"sluice-proxy",           "--agent-fd", "3", "--log-level",
                             launch.log_level.c_str(), nullptr};
  const char* environment[] = {nullptr};
  execve(launch.path.c_str(), const_cast<char**>(arguments), const_cast<char**>(environment));
  // The folders above the program may be closed to the proxy's user (a checkout below /root): by
  // descriptor, then.
  if (errno == EACCES) {
    syscall(SYS_execveat, program_fd, "", arguments, environment, AT_EMPTY_PATH);
  }
  Die("execute");
}

}  // namespace

absl::StatusOr<ProxyProcess> StartProxy(const ProxyLaunch& launch) {
  const base::UniqueFd found(open(launch.path.c_str(), O_PATH | O_CLOEXEC));
  if (!found.is_valid())
    return base::ErrnoStatus(errno, absl::StrCat("open the proxy's program ", launch.path));
  // Out of the way of descriptor 3, which becomes the socket in the child.
  const base::UniqueFd program(fcntl(found.get(), F_DUPFD_CLOEXEC, kProxyFd + 1));
  if (!program.is_valid()) return base::ErrnoStatus(errno, "duplicate a descriptor");
  std::array<int, 2> ends;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::ErrnoStatus(errno, "socketpair");
  }
  ProxyProcess process;
  process.socket.Reset(ends[0]);
  const base::UniqueFd proxy_end(ends[1]);
  const pid_t agent = getpid();
  process.pid = fork();
  if (process.pid < 0) return base::ErrnoStatus(errno, "fork");
  if (process.pid == 0) BecomeProxy(launch, proxy_end.get(), program.get(), agent);
  process.pidfd.Reset(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (!process.pidfd.is_valid()) {
    const int error = errno;
    kill(process.pid, SIGKILL);
    ReapProxy(process.pid);
    return base::ErrnoStatus(error, "pidfd_open");
  }
  return process;
}

std::string ReapProxy(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return "unknown";
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == base::kExitHostUnfit) {
    return absl::StrCat("exit code ", base::kExitHostUnfit,
                        ": this host forbids what it needs, its log says what (io_uring)");
  }
  if (WIFEXITED(status)) return absl::StrCat("exit code ", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  const char* name = sigabbrev_np(signal);
  return absl::StrCat("signal ", signal, name == nullptr ? "" : absl::StrCat(" (SIG", name, ")"));
}

}  // namespace sluice::agent
