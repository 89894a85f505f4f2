#include "userspace/datapath/original_destination.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "userspace/datapath/layout.h"

namespace sluice::datapath {

// The bare system call, so that the unprivileged proxy carries no BPF library.
std::optional<base::SocketAddress> TakeOriginalDestination(int map_fd, uint64_t netns_cookie,
                                                           const base::SocketAddress& client) {
  const sluice_client_key key{.netns_cookie = netns_cookie, .client = ToAbi(client), .pad0 = 0};
  sluice_endpoint original{};
  bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  attr.map_fd = static_cast<uint32_t>(map_fd);
  attr.key = reinterpret_cast<uint64_t>(&key);
  attr.value = reinterpret_cast<uint64_t>(&original);
  if (syscall(SYS_bpf, BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr, sizeof attr) != 0)
    return std::nullopt;
  return FromAbi(original);
}

}  // namespace sluice::datapath
