// sluice-bench-attack: what a hostile client does to one HTTP address, until standard input ends.
// Prints one line once it is under way, and what became of it as one line of JSON.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "bench/attack/attacker.h"

namespace {

using sluice::bench::Attacker;
using sluice::bench::AttackNames;
using sluice::bench::AttackOf;
using sluice::bench::AttackOptions;
using sluice::bench::AttackResults;

void Declare(CLI::App& app, AttackOptions& options, std::string& name) {
  app.add_option("--address", options.address, "IPv4 address")->required()->check(CLI::ValidIPV4);
  app.add_option("--port", options.port, "TCP port")->required();
  app.add_option("--attack", name, "One of " + std::string(AttackNames()))->required();
  app.add_option("--connections", options.connection_count, "Of an attack that keeps them")
      ->check(CLI::Range(1u, Attacker::kConnectionsMax));
  app.add_option("--rate", options.rate_per_s, "Turns a second")->check(CLI::Range(0.1, 1e4));
}

void Print(const nlohmann::json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  AttackOptions options;
  std::string name;
  CLI::App app("A hostile client, for an address of yours");
  Declare(app, options, name);
  CLI11_PARSE(app, argc, argv);
  const auto attack = AttackOf(name, options.address);
  if (!attack) {
    std::fprintf(stderr, "sluice-bench-attack: --attack %s: there are %s\n", name.c_str(),
                 std::string(AttackNames()).c_str());
    return 1;
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  Attacker attacker(options, *attack);
  attacker.Begin();
  Print({{"attack", name}});
  std::thread until_end([&] {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    attacker.Stop();
  });
  const AttackResults seen = attacker.Run();
  until_end.join();
  Print({{"connections", seen.connections},
         {"connect_errors", seen.connect_errors},
         {"ended_by_peer", seen.ended_by_peer},
         {"sent_bytes", seen.sent_size}});
  return 0;
}
