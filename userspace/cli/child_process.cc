#include "userspace/cli/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "userspace/base/errors.h"

namespace sluice::cli {
namespace {

// Runs between fork and exec: nothing here may allocate.
[[noreturn]] void RunChild(char* const* arguments, pid_t parent, int error_pipe) {
  setpgid(0, 0);
  // When we die, nobody has asked for the mesh to be undone: the agent ends and leaves its pods
  // closed.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // Our stdout carries one line of ours and nothing else.
  execv(arguments[0], arguments);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(error_pipe, &error, sizeof(error));
  _exit(127);
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return base::ErrnoStatus(errno, "making a pipe");
  base::UniqueFd read_end(ends[0]);
  base::UniqueFd write_end(ends[1]);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return base::ErrnoStatus(errno, absl::StrCat("starting ", command[0]));
  if (pid == 0) RunChild(arguments.data(), parent, write_end.get());

  write_end.Reset();
  int error = 0;
  if (read(read_end.get(), &error, sizeof(error)) == sizeof(error)) {
    waitpid(pid, nullptr, 0);
    return base::ErrnoStatus(error, absl::StrCat("running ", command[0]));
  }
  // glibc 2.36 declares its wrappers of these calls without C linkage.
  base::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.is_valid()) return base::ErrnoStatus(errno, absl::StrCat("watching ", command[0]));
  return ChildProcess(pid, std::move(pidfd));
}

void ChildProcess::Signal(int number) const {
  syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

Exit ChildProcess::Wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return {.is_signal = true, .value = WTERMSIG(status)};
  return {.is_signal = false, .value = WEXITSTATUS(status)};
}

}  // namespace sluice::cli
