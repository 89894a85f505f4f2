// Start-up probes: what the kernel does with redirected bytes, on captured connections of our own
// in a network namespace that lives only for this. Thread: runs on a thread of its own, the caller
// waits. Bounds: about 5 s if everything hangs.
#pragma once

#include <vector>

#include "userspace/datapath/datapath.h"
#include "userspace/datapath/programs.h"

namespace sluice::datapath {

// Requires: `programs` attached with splice, and no pod enrolled yet. Leaves its maps as they were.
std::vector<ProbeResult> RunProbes(Programs& programs);

}  // namespace sluice::datapath
