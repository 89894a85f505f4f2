// Limits that several processes of the mesh check alike.
#pragma once

#include <cstdint>

namespace sluice::base {

// Threads of a node's proxy. Each has four listeners in a pod, and all of a pod's come to the proxy
// beside one packet, which carries 253 descriptors at most (SCM_MAX_FD).
inline constexpr uint32_t kWorkersMax = 62;

}  // namespace sluice::base
