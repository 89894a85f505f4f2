#include "userspace/proxy/privileges.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLUICE_IS_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLUICE_IS_SANITIZED 1
#endif

namespace sluice::proxy {
namespace {

// What a serving proxy does by itself; everything about sockets beyond this goes through the ring,
// which has its own list (userspace/io/restrictions.cc).
constexpr std::array kAllowed = {SCMP_SYS(io_uring_enter),
                                 SCMP_SYS(read),
                                 SCMP_SYS(write),
                                 SCMP_SYS(close),
                                 SCMP_SYS(recvmsg),
                                 SCMP_SYS(sendmsg),
                                 SCMP_SYS(sendto),
                                 SCMP_SYS(poll),
                                 SCMP_SYS(ppoll),
                                 SCMP_SYS(bind),
                                 SCMP_SYS(getpeername),
                                 SCMP_SYS(getsockname),
                                 SCMP_SYS(setsockopt),
                                 SCMP_SYS(getsockopt),
                                 SCMP_SYS(shutdown),
                                 SCMP_SYS(futex),
                                 SCMP_SYS(mmap),
                                 SCMP_SYS(munmap),
                                 SCMP_SYS(mremap),
                                 SCMP_SYS(mprotect),
                                 SCMP_SYS(madvise),
                                 SCMP_SYS(brk),
                                 SCMP_SYS(clock_gettime),
                                 SCMP_SYS(clock_nanosleep),
                                 SCMP_SYS(nanosleep),
                                 SCMP_SYS(sched_yield),
                                 SCMP_SYS(sched_getattr),
                                 SCMP_SYS(sched_setattr),
                                 SCMP_SYS(getpid),
                                 SCMP_SYS(gettid),
                                 SCMP_SYS(tgkill),
                                 SCMP_SYS(getrandom),
                                 SCMP_SYS(rt_sigreturn),
                                 SCMP_SYS(rt_sigprocmask),
                                 SCMP_SYS(rt_sigaction),
                                 SCMP_SYS(sigaltstack),
                                 SCMP_SYS(exit),
                                 SCMP_SYS(exit_group),
                                 SCMP_SYS(restart_syscall),
                                 SCMP_SYS(rseq),
                                 SCMP_SYS(membarrier),
                                 SCMP_SYS(fstat),
                                 SCMP_SYS(newfstatat),
                                 SCMP_SYS(lseek),
                                 SCMP_SYS(sysinfo),
                                 SCMP_SYS(munlock)};

// Map look-ups and deletions only: never a program, a map or a link.
constexpr std::array kAllowedBpf = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_DELETE_ELEM,
                                    BPF_MAP_LOOKUP_AND_DELETE_ELEM};

absl::Status LoadFilter() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == nullptr) return absl::ResourceExhaustedError("seccomp_init");
  int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  for (const int call : kAllowed) {
    if (error == 0) error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
  }
  for (const bpf_cmd command : kAllowedBpf) {
    if (error == 0) {
      error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
                               SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command)));
    }
  }
  if (error == 0) error = seccomp_load(filter);
  seccomp_release(filter);
  if (error != 0) return base::ErrnoStatus(-error, "load the seccomp filter");
  return absl::OkStatus();
}

// The agent has cleared them all (userspace/agent/proxy_process.cc); whoever starts the proxy in
// another way must not get a privileged one that looks like any other.
absl::Status CheckNoCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0)
    return base::ErrnoStatus(errno, "read capabilities");
  for (const __user_cap_data_struct& set : sets) {
    if ((set.effective | set.permitted | set.inheritable) != 0) {
      return absl::FailedPreconditionError(
          "the proxy has capabilities; sluice-agent starts it without any");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DropToServing() {
  SLUICE_RETURN_IF_ERROR(CheckNoCapabilities());
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return base::ErrnoStatus(errno, "set no_new_privs");
#ifdef SLUICE_IS_SANITIZED
  base::LogWarning(
      "seccomp is off: a sanitizer's runtime needs more system calls than a serving proxy");
  return absl::OkStatus();
#else
  return LoadFilter();
#endif
}

}  // namespace sluice::proxy
