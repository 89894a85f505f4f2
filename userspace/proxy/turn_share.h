// How much a worker does in one turn before what is left of a read has to wait for the next: a few
// bytes may ask for much, and everybody else waits until the turn is over (docs/adr/0015). Counted
// in steps (limits.h), not in time, so that it is the same on a busy machine. Thread: one worker.
#pragma once

#include <cstdint>

#include "userspace/proxy/limits.h"

namespace sluice::proxy {

class TurnShare {
 public:
  void Begin() { Begin(kTurnSteps); }
  void Begin(uint32_t steps) {
    spent_ = 0;
    steps_ = steps;
  }
  void Count(uint32_t steps) { spent_ += steps; }
  void CountHead(uint32_t size) { Count(kStepsOfHead + size / kHeadBytesOfStep); }
  // Of a head that was refused: decoded, and nothing else.
  void CountRefused(uint64_t size) { Count(static_cast<uint32_t>(size / kRefusedBytesOfStep)); }
  uint32_t spent() const { return spent_; }
  bool IsSpent() const { return spent_ >= steps_; }
  // For a read that began when `begin` was spent: it has had its least part as well.
  bool IsSpentSince(uint32_t begin) const { return IsSpent() && spent_ - begin >= kTurnStepsLeast; }

 private:
  uint32_t spent_ = 0;
  uint32_t steps_ = kTurnSteps;
};

}  // namespace sluice::proxy
