// How long the calling thread may run before one that waits for the same processor gets its turn
// (EEVDF, Linux 6.12: sched_attr::sched_runtime of an ordinary thread). A shorter slice brings a
// thread that wakes on sooner, and its turns end sooner; its share of the processor is the same.
// Older kernels take no notice.
#pragma once

#include <cstdint>

namespace sluice::io {

// Nanoseconds, 0.1 to 100 ms (the kernel's bounds); 0: the kernel's own. A kernel or a sandbox that
// refuses leaves things as they are: nothing but the tail of latencies depends on it.
void SetTimeSlice(uint64_t slice_ns);

// As it is now. 0: this kernel does not tell.
uint64_t TimeSlice();

}  // namespace sluice::io
