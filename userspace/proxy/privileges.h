// The proxy gives up what it does not need: the agent has already taken user and capabilities away;
// here the process limits its own system calls (seccomp) once all threads and rings exist. Thread:
// main; applies to all threads.
#pragma once

#include "absl/status/status.h"

namespace sluice::proxy {

// Errors: kFailedPrecondition if the process has capabilities; no_new_privs or the filter could not
// be set.
absl::Status DropToServing();

}  // namespace sluice::proxy
