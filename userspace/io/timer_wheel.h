// Timers of one worker: five levels of 64 slots, a tick of 65.536 us, 19 hours at most; arming,
// disarming and firing take constant time and no memory. A timer fires at or up to one slot after
// its deadline. Thread: one owner. Owns nothing: a Timer disarms itself when it dies.
#pragma once

#include <array>
#include <cstdint>

#include "userspace/base/intrusive_list.h"

namespace sluice::io {

struct TimerTag;

class Timer : public base::ListLink<TimerTag> {
 public:
  using Callback = void (*)(void* self);
  Timer(Callback callback, void* self) : callback_(callback), self_(self) {}
  ~Timer() { Disarm(); }

  bool is_armed() const { return is_linked(); }
  void Disarm() { Unlink(); }

 private:
  friend class TimerWheel;
  Callback callback_;
  void* self_;
  uint64_t deadline_tick_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(uint64_t now_ns) : tick_(now_ns >> kTickShift) {}

  // (Re)arms `timer`; a deadline in the past fires in the next Advance.
  void Arm(Timer& timer, uint64_t deadline_ns);
  // Fires every timer whose deadline has come. Callbacks may arm and disarm any timer.
  void Advance(uint64_t now_ns);
  // No timer fires before this moment (it may be a moment with nothing to do); UINT64_MAX if none
  // is armed.
  uint64_t NextDeadline() const;

 private:
  static constexpr unsigned kTickShift = 16;
  static constexpr unsigned kLevelShift = 6;
  static constexpr unsigned kLevels = 5;
  static constexpr unsigned kSlots = 1u << kLevelShift;
  using List = base::IntrusiveList<Timer, TimerTag>;

  void Place(Timer& timer);
  void Cascade(unsigned level);
  void FireSlot(List& slot);

  uint64_t tick_;  // Every timer with deadline_tick_ <= tick_ has fired.
  std::array<std::array<List, kSlots>, kLevels> slots_;
  std::array<uint64_t, kLevels>
      occupied_{};  // A set bit may be stale (disarmed timers); a clear bit is exact.
};

}  // namespace sluice::io
