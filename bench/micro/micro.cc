// sluice-micro: the time of single operations (Google Benchmark; its options apply, see --help).
#include <benchmark/benchmark.h>

#include "bench/micro/operations.h"

int main(int argc, char** argv) {
  for (const sluice::bench::Operation& operation : sluice::bench::MakeOperations()) {
    benchmark::RegisterBenchmark(operation.name.c_str(),
                                 [run = operation.run](benchmark::State& state) {
                                   for ([[maybe_unused]] auto turn : state) run();
                                 });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
