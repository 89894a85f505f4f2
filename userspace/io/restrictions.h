// What a ring may ever do. Operations of a ring go past seccomp, so a process that was taken over
// could open files and sockets through one; the kernel refuses all that is not listed here
// (Linux 5.10).
#pragma once

#include <liburing.h>

#include "absl/status/status.h"

namespace sluice::io {

// For a ring made with IORING_SETUP_R_DISABLED whose buffers are registered: restricts it to
// operations on sockets that it is given or accepts, and enables it. Anything else, also
// registering, completes with -EACCES from then on. Thread: the one that will submit.
absl::Status RestrictAndEnable(const io_uring& ring);

}  // namespace sluice::io
