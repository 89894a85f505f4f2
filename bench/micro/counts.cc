// sluice-counts: runs each operation kTurns times between two marks that callgrind counts
// instructions at. On its own it does nothing else; check_counts.py reads what callgrind wrote.
#include <valgrind/callgrind.h>

#include "bench/micro/operations.h"

int main() {
  constexpr int kWarmTurns = 4,
                kTurns =
                    20;  // check_counts.py divides by kTurns. Even: some operations go to and fro.
  for (const sluice::bench::Operation& operation : sluice::bench::MakeOperations()) {
    for (int turn = 0; turn < kWarmTurns; ++turn) operation.run();
    CALLGRIND_ZERO_STATS;
    for (int turn = 0; turn < kTurns; ++turn) operation.run();
    CALLGRIND_DUMP_STATS_AT(operation.name.c_str());
  }
}
