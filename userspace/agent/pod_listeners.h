// The listening sockets of a pod, made in the namespace that the calling thread is in.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "userspace/agent/pod_namespace.h"

namespace sluice::agent {

// Fills every list of `listeners`; those of IPv6 stay empty if the namespace has none.
// Errors: nothing stays open when it fails. A port in use is told with its number.
absl::Status OpenPodListeners(uint32_t worker_count, PodListeners& listeners);

}  // namespace sluice::agent
