// What a captured application dialled before the kernel sent it to our listener. Unprivileged:
// needs only the map. Thread: any.
#pragma once

#include <cstdint>
#include <optional>

#include "userspace/base/address.h"

namespace sluice::datapath {

// Looks up and removes the entry of the accepted connection whose peer is `client` in the namespace
// `netns_cookie`. Empty if there is none (evicted, or the connection was not captured): the caller
// must close.
std::optional<base::SocketAddress> TakeOriginalDestination(int map_fd, uint64_t netns_cookie,
                                                           const base::SocketAddress& client);

}  // namespace sluice::datapath
