// sluice-request-counts: whole requests through a worker, between marks that callgrind counts at.
// What is counted is what the worker does between the ring's completions and its next operations
// (check_counts.py is told the functions), so neither the kernel nor our own ends of the sockets.
#include <valgrind/callgrind.h>

#include <cstdio>
#include <string>

#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

constexpr int kWarmTurns = 8, kTurns = 20;  // check_counts.py divides by kTurns.

constexpr std::string_view kRequest =
    "GET /1k HTTP/1.1\r\nHost: 10.98.0.1\r\nUser-Agent: wrk/4.1.0\r\nAccept: */*\r\n\r\n";

std::string Answer() {
  constexpr size_t kSize = 1024;
  return "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 04:00:00 GMT\r\n"
         "Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n"
         "Connection: keep-alive\r\nETag: \"6922a1b0-400\"\r\nAccept-Ranges: bytes\r\n\r\n" +
         std::string(kSize - 1, '.') + "$";
}

bool Exchange(Peer& client, Peer& server, const std::string& answer) {
  return client.Send(kRequest) && server.ReadHead().ends_with("\r\n\r\n") && server.Send(answer) &&
         client.ReadUntil("$").ends_with("$");
}

int Run() {
  WorkerTown town;
  if (!town.is_running()) {
    std::fprintf(stderr, "needs a network namespace of its own: run it as root\n");
    return 1;
  }
  const std::string answer = Answer();
  Peer client = town.Connect();
  if (!client.Send(kRequest)) return 1;
  Peer server = town.Accept();
  if (!server.ReadHead().ends_with("\r\n\r\n") || !server.Send(answer)) return 1;
  client.ReadUntil("$");
  for (int turn = 0; turn < kWarmTurns; ++turn) {
    if (!Exchange(client, server, answer)) return 1;
  }
  town.WhileHeld([] { CALLGRIND_ZERO_STATS; });
  for (int turn = 0; turn < kTurns; ++turn) {
    if (!Exchange(client, server, answer)) return 1;
  }
  town.WhileHeld([] { CALLGRIND_DUMP_STATS_AT("whole_request_http1"); });
  return 0;
}

}  // namespace
}  // namespace sluice::proxy

int main() { return sluice::proxy::Run(); }
