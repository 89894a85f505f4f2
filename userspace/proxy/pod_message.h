// AddPod of api/node.proto as what each worker is to be told. Owns the descriptors: those of a
// message that is refused are closed. Errors: kInvalidArgument, and nothing of the message is used:
// a pod that is served in part looks like one that is served.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "api/node.pb.h"
#include "userspace/base/unique_fd.h"
#include "userspace/proxy/local_pod_spec.h"

namespace sluice::proxy {

// One for each worker, in order. `fds` are those of the listeners, as the message names them.
absl::StatusOr<std::vector<LocalPodSpec>> ReadAddPod(const node::v1::AddPod& message,
                                                     std::vector<base::UniqueFd> fds,
                                                     uint32_t worker_count);

}  // namespace sluice::proxy
