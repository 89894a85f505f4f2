// sluice-bench-load: load on one address of HTTP/1.1 or HTTP/2; prints what it saw as one line of
// JSON.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/load/generator.h"
#include "bench/load/http2_generator.h"

namespace {

using sluice::bench::Generator;
using sluice::bench::Http2Generator;
using sluice::bench::LoadOptions;
using sluice::bench::Results;

struct Flags {
  LoadOptions load;
  std::string hold;
};

void Declare(CLI::App& app, Flags& flags) {
  LoadOptions& load = flags.load;
  app.add_option("--address", load.address, "IPv4 address")->required()->check(CLI::ValidIPV4);
  app.add_option("--port", load.port, "TCP port")->required();
  app.add_option("--path", load.path, "Path of the request (default: /)");
  app.add_option("--header", load.headers, "\"name: value\", may be repeated");
  app.add_option("--connections", load.connection_count, "Connections at once")
      ->check(CLI::Range(1u, Generator::kConnectionsMax));
  app.add_option("--rate", load.rate_per_s, "Requests per second of an open loop; 0: closed loop")
      ->check(CLI::Range(0.0, 5e6));
  app.add_option("--warm-up", load.warm_up_s, "Seconds that are not measured")
      ->check(CLI::Range(0.0, 60.0));
  app.add_option("--seconds", load.seconds, "Seconds that are measured")
      ->check(CLI::Range(0.05, 300.0));
  app.add_flag("--new-connections", load.is_new_connection_each,
               "A new connection for every request");
  app.add_option("--streams", load.stream_count,
                 "Requests at once on each connection, over HTTP/2; 0: one, over HTTP/1.1")
      ->check(CLI::Range(0u, Http2Generator::kStreamsMax));
  app.add_option("--stalled", load.stalled_count,
                 "Streams more on each connection that ask for --stalled-path and are never read")
      ->check(CLI::Range(0u, Http2Generator::kStreamsMax));
  app.add_option("--stalled-path", load.stalled_path, "Path of a large answer (default: /1m)")
      ->default_val("/1m");
  app.add_option("--hold", flags.hold,
                 "Keep idle connections until standard input ends: each after one request, or "
                 "after none")
      ->check(CLI::IsMember({"request", "none"}));
}

nlohmann::json ToJson(const Results& results) {
  nlohmann::json buckets = nlohmann::json::array();
  results.latency.ForEach([&](uint64_t upper_ns, uint64_t count) {
    buckets.push_back({upper_ns, count});
  });
  return {{"requests", results.requests},
          {"seconds", results.seconds},
          {"received_bytes", results.received_size},
          {"connections", results.connections},
          {"stalled_bytes", results.stalled_size},
          {"errors",
           {{"non_2xx", results.non_2xx},
            {"connect", results.connect_errors},
            {"read", results.read_errors},
            {"write", results.write_errors},
            {"bad_answer", results.bad_answers},
            {"unanswered", results.unanswered}}},
          {"unsent", results.unsent},
          {"latency_ns", buckets}};
}

int Hold(const Flags& flags) {
  Generator generator(flags.load);
  std::printf("%s\n",
              nlohmann::json{{"open", generator.Hold(flags.hold == "request")}}.dump().c_str());
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app(
      "Load on one address of HTTP/1.1 or HTTP/2, with latency free of coordinated omission");
  Declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  // Timers to the microsecond, not to the 50 that the kernel gives by default; descriptors as many
  // as are allowed.
  prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (!flags.hold.empty()) return Hold(flags);
  const Results results =
      flags.load.stream_count > 0 ? Http2Generator(flags.load).Run() : Generator(flags.load).Run();
  std::printf("%s\n", ToJson(results).dump().c_str());
  return 0;
}
