// How many connections of the proxy still end in a namespace: sockets with the dial mark, the
// proxy's own and the applications' that were accepted from it. Their replies need the reply route.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"

namespace sluice::agent {

// In the current namespace, both families. Listeners and what the kernel alone still remembers
// (TIME_WAIT) do not count. Needs CAP_NET_ADMIN, without which the kernel does not tell marks.
absl::StatusOr<size_t> CountHops();

// The sum of both families. A kernel without IPv6 (kNotFound) has none of its sockets; whatever
// else could not be counted is an error, not none.
absl::StatusOr<size_t> AddFamilies(const absl::StatusOr<size_t>& v4,
                                   const absl::StatusOr<size_t>& v6);

}  // namespace sluice::agent
