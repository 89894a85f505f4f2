#include "userspace/io/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace sluice::io {

void TimerWheel::Arm(Timer& timer, uint64_t deadline_ns) {
  timer.Disarm();
  timer.deadline_tick_ = std::max((deadline_ns >> kTickShift) + 1, tick_ + 1);
  Place(timer);
}

// Level 0 holds the next 64 ticks exactly; level n holds what lies within 64^(n+1) ticks, to be
// placed again nearer to its time. What lies further than the last level waits in its farthest
// slot.
void TimerWheel::Place(Timer& timer) {
  const uint64_t distance = timer.deadline_tick_ - tick_;
  unsigned level = 0;
  while (level + 1 < kLevels && (distance >> (kLevelShift * (level + 1))) != 0) ++level;
  const uint64_t farthest =
      (uint64_t{1} << (kLevelShift * kLevels)) - (uint64_t{1} << (kLevelShift * (kLevels - 1)));
  const uint64_t tick = tick_ + std::min(distance, farthest);
  const unsigned slot = (tick >> (kLevelShift * level)) & (kSlots - 1);
  slots_[level][slot].PushBack(timer);
  occupied_[level] |= uint64_t{1} << slot;
}

void TimerWheel::Cascade(unsigned level) {
  const unsigned slot = (tick_ >> (kLevelShift * level)) & (kSlots - 1);
  if (slot == 0 && level + 1 < kLevels) Cascade(level + 1);
  occupied_[level] &= ~(uint64_t{1} << slot);
  List moving;
  moving.TakeAll(slots_[level][slot]);
  while (Timer* timer = moving.PopFront()) {
    timer->deadline_tick_ = std::max(timer->deadline_tick_, tick_);
    Place(*timer);
  }
}

void TimerWheel::FireSlot(List& slot) {
  List due;
  due.TakeAll(slot);
  while (Timer* timer = due.PopFront()) {
    if (timer->deadline_tick_ > tick_) {
      Place(*timer);  // Came here from the farthest slot.
    } else {
      timer->callback_(timer->self_);
    }
  }
}

void TimerWheel::Advance(uint64_t now_ns) {
  const uint64_t now_tick = now_ns >> kTickShift;
  while (tick_ < now_tick) {
    // Jump over ticks with nothing in level 0, but never over a cascade.
    const unsigned slot = tick_ & (kSlots - 1);
    const uint64_t ahead = slot + 1 < kSlots ? occupied_[0] >> (slot + 1) : 0;
    const uint64_t to_wrap = kSlots - slot;
    const uint64_t to_timer =
        ahead != 0 ? static_cast<uint64_t>(std::countr_zero(ahead)) + 1 : to_wrap;
    const uint64_t step = std::min({to_timer, to_wrap, now_tick - tick_});
    tick_ += step;
    const unsigned current = tick_ & (kSlots - 1);
    if (current == 0) Cascade(1);
    if ((occupied_[0] >> current) & 1) {
      occupied_[0] &= ~(uint64_t{1} << current);
      FireSlot(slots_[0][current]);
    }
  }
}

uint64_t TimerWheel::NextDeadline() const {
  uint64_t next_tick = UINT64_MAX;
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    // Level 0: the slot itself. Above: the moment at which the slot is cascaded, which may be long
    // before the timer.
    const unsigned shift = kLevelShift * level;
    const uint64_t position = tick_ >> shift;
    const uint64_t later =
        std::rotr(occupied_[level], static_cast<int>((position + 1) & (kSlots - 1)));
    const uint64_t steps = 1 + static_cast<uint64_t>(std::countr_zero(later));
    next_tick = std::min(next_tick, (position + steps) << shift);
  }
  return next_tick == UINT64_MAX ? UINT64_MAX : next_tick << kTickShift;
}

}  // namespace sluice::io
