#include "userspace/base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace sluice::base {
namespace {

UniqueFd OpenNull() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST(UniqueFdTest, ClosesAtTheEndOfItsLife) {
  int fd = -1;
  {
    const UniqueFd owner = OpenNull();
    fd = owner.get();
    ASSERT_TRUE(IsOpen(fd));
  }

  EXPECT_FALSE(IsOpen(fd));
}

TEST(UniqueFdTest, HandsOverWhenMoved) {
  UniqueFd from = OpenNull();
  const int fd = from.get();

  const UniqueFd to = std::move(from);

  EXPECT_EQ(to.get(), fd);
  EXPECT_FALSE(from.is_valid());
  EXPECT_TRUE(IsOpen(fd));
}

TEST(UniqueFdTest, ClosesWhatItHeldWhenAssigned) {
  UniqueFd owner = OpenNull();
  const int old_fd = owner.get();
  UniqueFd other = OpenNull();
  const int new_fd = other.get();

  owner = std::move(other);

  EXPECT_FALSE(IsOpen(old_fd));
  EXPECT_EQ(owner.get(), new_fd);
}

TEST(UniqueFdTest, LeavesAReleasedDescriptorOpen) {
  UniqueFd owner = OpenNull();

  const int fd = owner.Release();
  owner.Reset();

  EXPECT_TRUE(IsOpen(fd));
  ::close(fd);
}

}  // namespace
}  // namespace sluice::base
