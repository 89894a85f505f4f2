// sluice-request-counts: whole requests through a worker, between marks that callgrind counts at.
// What is counted is what the worker does between the ring's completions and its next operations
// (check_counts.py is told the functions), so neither the kernel nor our own ends of the sockets.
#include <valgrind/callgrind.h>

#include <cstdio>
#include <string>

#include "bench/micro/many_services.h"
#include "tests/unit/proxy/worker_town.h"
#include "userspace/base/text.h"

namespace sluice::proxy {
namespace {

constexpr int kWarmTurns = 8, kTurns = 20;  // check_counts.py divides by kTurns.

constexpr int kRoutes = 100;
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

// A header match first, then 90 to 10.
route::v1::RouteTable Split(std::string_view service) {
  route::v1::RouteTable table;
  table.set_service(std::string(service));
  table.set_service_port(80);
  for (const uint32_t canary_weight : {100u, 10u}) {
    auto& entry = *table.add_entries();
    entry.set_rule(static_cast<uint32_t>(table.rules_size()));
    if (canary_weight == 100) {
      auto& header = *entry.mutable_match()->add_headers();
      header.set_name("x-canary");
      header.set_exact("always");
    }
    auto& rule = *table.add_rules();
    for (const uint32_t weight : {100 - canary_weight, canary_weight}) {
      auto& backend = *rule.add_backends();
      backend.set_service(table.service());
      backend.set_port(80);
      backend.set_weight(weight);
    }
  }
  return table;
}

void PutSplit(model::SnapshotBuilder& builder, std::string_view service) {
  SLUICE_CHECK(builder.PutRouteTable(base::Concat(service, ":80"), Split(service)).empty());
}

void AddSplit(model::SnapshotBuilder& builder) { PutSplit(builder, "shop/web.shop"); }

void AddSplitAmongMany(model::SnapshotBuilder& builder) {
  AddSplit(builder);
  bench::PutManyServices(builder);
  for (int number = 0; number < kRoutes; ++number)
    PutSplit(builder, base::Concat("shop/s", number));
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
  const auto exchange_many = [&](int turns) {
    bool is_answered = true;
    while (is_answered && turns-- > 0) is_answered = Exchange(client, server, answer);
    return is_answered;
  };
  const auto count = [&](auto dump) {
    if (!exchange_many(kWarmTurns)) return false;
    town.WhileHeld([] { CALLGRIND_ZERO_STATS; });
    if (!exchange_many(kTurns)) return false;
    town.WhileHeld(dump);
    return true;
  };
  if (!count([] { CALLGRIND_DUMP_STATS_AT("whole_request_http1"); })) return 1;
  town.Configure(AddSplit);
  if (!count([] { CALLGRIND_DUMP_STATS_AT("whole_request_split"); })) return 1;
  town.Configure(AddSplitAmongMany);
  if (!count([] { CALLGRIND_DUMP_STATS_AT("whole_request_split_among_1000"); })) return 1;
  return 0;
}

}  // namespace
}  // namespace sluice::proxy

int main() { return sluice::proxy::Run(); }
