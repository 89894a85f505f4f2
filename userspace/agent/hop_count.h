// How many connections of the proxy still end in a namespace: sockets with the dial mark, the
// proxy's own and the applications' that were accepted from it. Their replies need the reply route.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"

namespace sluice::agent {

// In the current namespace, both families. Listeners and what the kernel alone still remembers
// (TIME_WAIT) do not count. Needs CAP_NET_ADMIN, without which the kernel does not tell marks.
absl::StatusOr<size_t> CountHops();

}  // namespace sluice::agent
