// `sluicectl standalone`: runs the mesh's processes in the foreground until it is told to stop.
// Prints the one line "ready" on stdout; everything else goes to stderr.
#pragma once

#include "userspace/cli/options.h"

namespace sluice::cli {

// Returns the exit code: 0 after an orderly stop, 1 when the mesh could not start or could not be
// tidied up.
int RunStandalone(const StandaloneOptions& options);

}  // namespace sluice::cli
