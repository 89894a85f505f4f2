// sluice-bench-server: answers GET /SIZE (for example /1k) with that many bytes.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "bench/server/server.h"

int main(int argc, char** argv) {
  uint16_t port = 0;
  uint32_t thread_count = 1;
  CLI::App app("The server behind the targets of the benchmarks");
  app.add_option("--port", port, "TCP port")->required();
  app.add_option("--threads", thread_count, "Threads")->check(CLI::Range(1u, 64u));
  CLI11_PARSE(app, argc, argv);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<std::unique_ptr<sluice::bench::Server>> servers;
  for (uint32_t index = 0; index < thread_count; ++index) {
    servers.push_back(std::make_unique<sluice::bench::Server>(port));
    if (!servers.back()->is_listening()) {
      std::fprintf(stderr, "sluice-bench-server: cannot listen on port %u: is it in use?\n", port);
      return 1;
    }
  }
  std::vector<std::jthread> threads;
  for (auto& server : servers) threads.emplace_back([&server] { server->Run(); });
}
