// What a process is told that may not have an io_uring: each case in a child with a system call
// filter of its own.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

#include "userspace/io/ring.h"

namespace sluice::io {
namespace {

bool RefuseRing(uint32_t error) {
  std::array<sock_filter, 4> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// The status of Create where io_uring_setup answers `error`: code, then message.
std::string CreateWhere(uint32_t error) {
  std::array<int, 2> ends;
  if (pipe(ends.data()) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    std::string text = "no filter";
    if (RefuseRing(error)) text = Ring::Create({}).status().ToString();
    _exit(write(ends[1], text.data(), text.size()) > 0 ? 0 : 1);
  }
  close(ends[1]);
  std::array<char, 1024> text{};
  const ssize_t size = read(ends[0], text.data(), text.size());
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return std::string(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
}

TEST(RingSetupTest, ARefusalIsUnavailableAndNamesTheSettings) {
  for (const uint32_t error : {EPERM, EACCES}) {
    const std::string text = CreateWhere(error);

    EXPECT_TRUE(text.starts_with("UNAVAILABLE")) << text;
    EXPECT_NE(text.find("kernel.io_uring_disabled=0"), std::string::npos) << text;
    EXPECT_NE(text.find("seccomp"), std::string::npos) << text;
  }
}

TEST(RingSetupTest, AMissingCallIsUnavailableAndNamesTheKernel) {
  const std::string text = CreateWhere(ENOSYS);

  EXPECT_TRUE(text.starts_with("UNAVAILABLE")) << text;
  EXPECT_NE(text.find("Linux 6.1"), std::string::npos) << text;
}

TEST(RingSetupTest, WantOfMemoryIsNotCalledForbidden) {
  const std::string text = CreateWhere(ENOMEM);

  EXPECT_EQ(text.find("UNAVAILABLE"), std::string::npos) << text;
  EXPECT_NE(text.find("io_uring_setup"), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice::io
