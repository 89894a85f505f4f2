#include "userspace/agent/network_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace sluice::agent {

absl::StatusOr<NamespaceFile> OpenNamespaceFile(const std::string& path) {
  NamespaceFile file;
  // O_NONBLOCK: a fifo in its place must not hang the agent.
  file.fd.Reset(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.fd.is_valid())
    return base::ErrnoStatus(errno, absl::StrCat("open network namespace ", path));
  struct stat status;
  if (fstat(file.fd.get(), &status) != 0)
    return base::ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (ioctl(file.fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is not a network namespace; name its file, for example /run/netns/NAME"));
  }
  file.device = status.st_dev;
  file.inode = status.st_ino;
  return file;
}

absl::StatusOr<NamespaceSwitch> NamespaceSwitch::Create() {
  base::UniqueFd home(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home.is_valid()) return base::ErrnoStatus(errno, "open the agent's own network namespace");
  NamespaceSwitch result(std::move(home));
  const absl::StatusOr<uint64_t> cookie = result.CookieOf(result.home_.get());
  if (!cookie.ok()) return cookie.status();
  result.home_cookie_ = *cookie;
  return result;
}

absl::Status NamespaceSwitch::RunInside(int namespace_fd,
                                        absl::FunctionRef<absl::Status()> body) const {
  if (setns(namespace_fd, CLONE_NEWNET) != 0)
    return base::ErrnoStatus(errno, "enter the network namespace");
  absl::Status status = body();
  SLUICE_CHECK(setns(home_.get(), CLONE_NEWNET) == 0);
  return status;
}

absl::StatusOr<uint64_t> NamespaceSwitch::CookieOf(int namespace_fd) const {
  uint64_t cookie = 0;
  const absl::Status status = RunInside(namespace_fd, [&cookie]() -> absl::Status {
    const base::UniqueFd probe(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    socklen_t size = sizeof(cookie);
    if (!probe.is_valid() ||
        getsockopt(probe.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) {
      return base::ErrnoStatus(errno, "read the network namespace's cookie");
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return cookie;
}

}  // namespace sluice::agent
