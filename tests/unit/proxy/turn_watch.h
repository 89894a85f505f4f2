// By how much a counter of a running worker moves in one turn at most.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {

// Looks at one counter in every turn, and keeps by how much it moved at most. A message that posts
// itself again is dealt with once in each turn.
class TurnWatch {
 public:
  TurnWatch(WorkerTown& town, Counter counter)
      : state_(std::make_shared<State>(town.worker(), counter)) {}
  ~TurnWatch() { Stop(); }
  // While the worker is held: the first turn that is looked at is the next.
  void Start() {
    state_->worker.Post([state = state_] { Look(state, true); });
  }
  uint64_t Stop() {
    state_->must_stop = true;
    EXPECT_TRUE(Eventually([&] { return state_->is_over.load(); }));
    return state_->most;
  }

 private:
  struct State {
    State(Worker& watched, Counter counted) : worker(watched), counter(counted) {}
    uint64_t Value(Counter of) const { return worker.counters().value(static_cast<size_t>(of)); }
    Worker& worker;
    const Counter counter;
    uint64_t turns = 0;
    uint64_t value = 0;
    std::atomic<uint64_t> most{0};
    std::atomic<bool> must_stop{false};
    std::atomic<bool> is_over{false};
  };

  static void Look(const std::shared_ptr<State>& state, bool is_first) {
    const uint64_t turns = state->Value(Counter::kTurns);
    const uint64_t value = state->Value(state->counter);
    if (!is_first && turns > state->turns) {
      const uint64_t moved = value > state->value ? value - state->value : state->value - value;
      state->most = std::max<uint64_t>(state->most, moved / (turns - state->turns));
    }
    state->turns = turns;
    state->value = value;
    state->is_over = state->must_stop.load();
    if (!state->is_over) state->worker.Post([state] { Look(state, false); });
  }

  const std::shared_ptr<State> state_;
};

}  // namespace sluice::proxy
