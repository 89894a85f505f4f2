#include "userspace/datapath/wall.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "userspace/base/errors.h"

namespace sluice::datapath {

absl::StatusOr<Wall> BuildWall() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  const base::UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Wall wall{.refusing = base::UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), .peer = {}};
  if (!listener.is_valid() || !wall.refusing.is_valid() || bind(listener.get(), name, size) != 0 ||
      listen(listener.get(), 1) != 0 || getsockname(listener.get(), name, &size) != 0 ||
      connect(wall.refusing.get(), name, size) != 0) {
    return base::ErrnoStatus(errno, "making a loopback connection that holds back the proxy");
  }
  wall.peer.Reset(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const int on = 1;
  if (!wall.peer.is_valid() ||
      setsockopt(wall.refusing.get(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0) {
    return base::ErrnoStatus(errno, "turning a loopback connection into one that refuses writes");
  }
  return wall;
}

}  // namespace sluice::datapath
