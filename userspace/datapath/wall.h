// A connection that refuses whatever is written to it: messages that must wait are redirected to
// it, and so their send fails at once (kSendBusy) without taking a byte. See bpf/splice.bpf.c.
// Owns: both ends. Thread: any. Requires: CAP_NET_ADMIN.
#pragma once

#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace sluice::datapath {

struct Wall {
  base::UniqueFd refusing;  // In TCP_REPAIR with no queue chosen: sends answer EINVAL.
  base::UniqueFd peer;      // Only keeps the other end established.
};

// On the loopback of the current namespace, on ports that the kernel chooses.
absl::StatusOr<Wall> BuildWall();

}  // namespace sluice::datapath
