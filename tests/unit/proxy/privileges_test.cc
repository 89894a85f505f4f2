// What a serving proxy may ask of the kernel. Each case is a process of its own: a filter stays.
#include "userspace/proxy/privileges.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "userspace/io/time_slice.h"
#include "userspace/proxy/limits.h"

namespace sluice::proxy {
namespace {

struct Call {
  const char* name;
  long (*run)();
};

// None of them needs a capability, so what refuses them is the filter.
constexpr Call kForbidden[] = {
    {"socket", [] { return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
    {"socketpair", [] { return syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, nullptr); }},
    {"open", [] { return syscall(SYS_open, "/dev/null", O_RDONLY); }},
    {"openat", [] { return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY); }},
    {"execve", [] { return syscall(SYS_execve, "/no-such-program", nullptr, nullptr); }},
    {"execveat", [] { return syscall(SYS_execveat, -1, "no", nullptr, nullptr, 0); }},
    {"ptrace", [] { return syscall(SYS_ptrace, PTRACE_PEEKDATA, getpid(), 0, 0); }},
    {"clone", [] { return syscall(SYS_clone, CLONE_THREAD, nullptr, nullptr, nullptr, 0); }},
    {"kill", [] { return syscall(SYS_kill, getpid(), 0); }},
    {"setuid", [] { return syscall(SYS_setuid, getuid()); }},
    {"io_uring_setup", [] { return syscall(SYS_io_uring_setup, 0, nullptr); }},
    {"unlink", [] { return syscall(SYS_unlink, "/no-such-file"); }},
};

long Bpf(int command) { return syscall(SYS_bpf, command, nullptr, 0); }

bool GiveUpCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  return syscall(SYS_capset, &header, none) == 0;
}

// What `body` writes in a process of its own; it must not allocate or log once it is filtered.
std::vector<int> InAProcess(const std::function<void(int pipe)>& body) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    body(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  std::vector<int> told;
  int value = 0;
  while (read(ends[0], &value, sizeof value) == sizeof value) told.push_back(value);
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "wait status " << status;
  return told;
}

void Tell(int pipe, int value) {
  if (write(pipe, &value, sizeof value) != sizeof value) _exit(1);
}

void TellErrorsOfForbidden(int pipe) {
  for (const Call& call : kForbidden) Tell(pipe, call.run() == -1 ? errno : 0);
}

class PrivilegesTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's runtime works without the filter";
#endif
  }
};

TEST_F(PrivilegesTest, RefusesSystemCallsThatAServingProxyDoesNotMake) {
  const auto before = InAProcess([](int pipe) {
    GiveUpCapabilities();
    TellErrorsOfForbidden(pipe);
  });
  const auto after = InAProcess([](int pipe) {
    if (!GiveUpCapabilities() || !DropToServing().ok()) _exit(1);
    TellErrorsOfForbidden(pipe);
  });

  ASSERT_EQ(before.size(), std::size(kForbidden));
  ASSERT_EQ(after.size(), std::size(kForbidden));
  for (size_t i = 0; i < std::size(kForbidden); ++i) {
    EXPECT_NE(before[i], EPERM) << kForbidden[i].name << ": refused without the filter too";
    EXPECT_EQ(after[i], EPERM) << kForbidden[i].name;
  }
}

TEST_F(PrivilegesTest, RefusesEveryBpfCommandButLookUpAndDelete) {
  constexpr int kCommandsMax = 64;  // More than any kernel has.
  const auto errors = InAProcess([](int pipe) {
    if (!GiveUpCapabilities() || !DropToServing().ok()) _exit(1);
    for (int command = 0; command < kCommandsMax; ++command) {
      Tell(pipe, Bpf(command) == -1 ? errno : 0);
    }
  });

  ASSERT_EQ(errors.size(), static_cast<size_t>(kCommandsMax));
  std::vector<int> allowed;
  for (int command = 0; command < kCommandsMax; ++command) {
    if (errors[static_cast<size_t>(command)] != EPERM) allowed.push_back(command);
  }
  EXPECT_THAT(allowed, ::testing::UnorderedElementsAre(BPF_MAP_LOOKUP_ELEM, BPF_MAP_DELETE_ELEM,
                                                       BPF_MAP_LOOKUP_AND_DELETE_ELEM));
}

TEST_F(PrivilegesTest, LetsAWorkerSetItsTimeSlice) {
  const uint64_t wanted = io::TimeSlice() == 0 ? 0 : kShortTimeSlice;  // Linux 6.12.
  const auto slices = InAProcess([](int pipe) {
    if (!GiveUpCapabilities() || !DropToServing().ok()) _exit(1);
    io::SetTimeSlice(kShortTimeSlice);
    Tell(pipe, static_cast<int>(io::TimeSlice()));
  });

  EXPECT_THAT(slices, ::testing::ElementsAre(static_cast<int>(wanted)));
}

TEST_F(PrivilegesTest, RefusesToServeWithCapabilities) {
  if (geteuid() != 0) GTEST_SKIP() << "needs capabilities to have too many";

  const auto codes =
      InAProcess([](int pipe) { Tell(pipe, static_cast<int>(DropToServing().code())); });

  EXPECT_THAT(codes,
              ::testing::ElementsAre(static_cast<int>(absl::StatusCode::kFailedPrecondition)));
}

}  // namespace
}  // namespace sluice::proxy
