// Pods as messages to the proxy. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "api/node.pb.h"
#include "userspace/agent/pod_namespace.h"
#include "userspace/agent/pod_plan.h"
#include "userspace/base/mesh_limits.h"

namespace sluice::agent {

// Descriptors that fit beside one packet (SCM_MAX_FD is 253); four listeners per worker must fit
// into it.
inline constexpr size_t kFdsPerPacketMax = 250;
static_assert(base::kWorkersMax * 4 <= kFdsPerPacketMax);

// Appends the listeners to `fds` in the order that the message names them.
node::v1::ToProxy AddPodMessage(uint32_t pod_id, const PlannedPod& pod,
                                const PreparedNamespace& prepared, std::vector<SharedFd>& fds);
node::v1::ToProxy RemovePodMessage(uint32_t pod_id);

}  // namespace sluice::agent
