// How a worker waits when it has nothing to do: asleep, looking, or after offering its processor to
// others, and how soon it gives way to others while it works (docs/adr/0008). A function of what it
// saw lately. Thread: the worker's. Times: monotonic,
// nanoseconds.
#pragma once

#include <cstdint>

#include "userspace/io/ring.h"
#include "userspace/proxy/limits.h"

namespace sluice::proxy {

class WaitPolicy {
 public:
  explicit WaitPolicy(uint64_t spin_ns) : spin_ns_(spin_ns) {}

  // HTTP exchanges, and relays whose client has spoken and not been answered.
  void BeginWork(uint64_t now_ns) {
    if (++work_in_flight_ > 1) last_concurrency_ns_ = now_ns;
  }
  void EndWork() { --work_in_flight_; }

  // A relay has moved bytes. Relays that only send, or only receive, are never seen beside another
  // one by what is in flight.
  void NoteRelayed(const void* relay, uint64_t now_ns) {
    if (relay != last_relay_ && now_ns - last_relayed_ns_ < kRecentTraffic) {
      last_concurrency_ns_ = now_ns;
    }
    last_relay_ = relay;
    last_relayed_ns_ = now_ns;
  }

  io::WaitHint Choose(uint64_t now_ns, uint64_t deadline_ns) const;
  // After each turn: how many completions it ran and how long others had the processor.
  void Observe(uint64_t now_ns, uint32_t completions, uint64_t yielded_ns);

  // Whether a short time slice (kShortTimeSlice) serves better than the kernel's: with few
  // exchanges in flight each one waits for its own wake-up; with many a yield, which costs the rest
  // of a slice, is to bring in as much as it can.
  bool wants_short_slice() const { return wants_short_slice_; }

 private:
  const uint64_t spin_ns_;
  uint32_t work_in_flight_ = 0;
  uint64_t last_traffic_ns_ = 0;
  uint64_t last_concurrency_ns_ = 0;
  const void* last_relay_ = nullptr;  // Only compared.
  uint64_t last_relayed_ns_ = 0;
  uint64_t no_yield_until_ns_ = 0;
  uint32_t work_sum_ = 0;  // Of the last turns, decaying: kMeanTurns times the mean in flight.
  bool wants_short_slice_ = false;
};

}  // namespace sluice::proxy
