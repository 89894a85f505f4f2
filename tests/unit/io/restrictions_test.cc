// What a ring of the proxy can not be made to do, asked of the kernel itself.
#include "userspace/io/restrictions.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "userspace/base/unique_fd.h"

namespace sluice::io {
namespace {

class RestrictionsTest : public testing::Test {
 protected:
  void SetUp() override {
    io_uring_params params{};
    params.flags = IORING_SETUP_R_DISABLED;
    ASSERT_EQ(io_uring_queue_init_params(8, &ring_, &params), 0);
    ASSERT_TRUE(RestrictAndEnable(ring_).ok());
  }
  void TearDown() override { io_uring_queue_exit(&ring_); }

  io_uring_sqe* NextEntry() { return io_uring_get_sqe(&ring_); }
  int Result() {
    EXPECT_EQ(io_uring_submit(&ring_), 1);
    io_uring_cqe* completion = nullptr;
    EXPECT_EQ(io_uring_wait_cqe(&ring_, &completion), 0);
    const int result = completion->res;
    io_uring_cqe_seen(&ring_, completion);
    return result;
  }

  io_uring ring_{};
};

TEST_F(RestrictionsTest, OpensNoFile) {
  io_uring_prep_openat(NextEntry(), AT_FDCWD, "/etc/hostname", O_RDONLY, 0);

  EXPECT_EQ(Result(), -EACCES);
}

TEST_F(RestrictionsTest, MakesNoSocket) {
  io_uring_prep_socket(NextEntry(), AF_INET, SOCK_STREAM, 0, 0);

  EXPECT_EQ(Result(), -EACCES);
}

TEST_F(RestrictionsTest, WritesToNoFile) {
  io_uring_prep_write(NextEntry(), 1, "x", 1, 0);

  EXPECT_EQ(Result(), -EACCES);
}

TEST_F(RestrictionsTest, RegistersNothingMore) {
  const int fd = 0;

  EXPECT_EQ(io_uring_register_files(&ring_, &fd, 1), -EACCES);
}

TEST_F(RestrictionsTest, SendsOnASocketThatItIsGiven) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const base::UniqueFd near(ends[0]);
  const base::UniqueFd far(ends[1]);
  io_uring_prep_send(NextEntry(), near.get(), "x", 1, MSG_NOSIGNAL);

  EXPECT_EQ(Result(), 1);
}

}  // namespace
}  // namespace sluice::io
