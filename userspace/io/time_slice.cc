#include "userspace/io/time_slice.h"

#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::io {
namespace {

constexpr int kThisThread = 0;

sched_attr Attributes() {
  sched_attr now{};
  syscall(SYS_sched_getattr, kThisThread, &now, sizeof(now), 0);
  return now;
}

}  // namespace

void SetTimeSlice(uint64_t slice_ns) {
  sched_attr wanted = Attributes();  // The operator's own nice value stays.
  wanted.size = sizeof(wanted);
  wanted.sched_runtime = slice_ns;
  syscall(SYS_sched_setattr, kThisThread, &wanted, 0);
}

uint64_t TimeSlice() { return Attributes().sched_runtime; }

}  // namespace sluice::io
