// The short commands of sluicectl: each does one thing, prints it and returns the exit code.
#pragma once

#include "userspace/cli/options.h"

namespace sluice::cli {

int RunStatus(const StatusOptions& options);
int RunVersion();
int RunCleanup(const CleanupOptions& options);

// Runs what the command line asks for.
int RunCommandLine(int argc, const char* const* argv);

}  // namespace sluice::cli
