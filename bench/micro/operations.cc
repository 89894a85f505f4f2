#include "bench/micro/operations.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "api/route.pb.h"
#include "api/workload.pb.h"
#include "bench/micro/heads.h"
#include "bench/micro/many_services.h"
#include "userspace/balance/pick.h"
#include "userspace/base/address.h"
#include "userspace/base/prng.h"
#include "userspace/base/text.h"
#include "userspace/http/h1.h"
#include "userspace/http/path.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/model/snapshot_builder.h"
#include "userspace/route/matcher.h"

namespace sluice::bench {
namespace {

constexpr int kRules = 100;
constexpr uint32_t kRandom = 0x9e3779b9;

Operation ParseRequest(std::string name, std::string_view text) {
  auto head = std::make_shared<http::RequestHead>();
  return {std::move(name), [head, text] {
            Keep(http::ParseRequestHead(text, 0, http::H1Limits{}, head.get()).status);
          }};
}

Operation ParseResponse() {
  auto head = std::make_shared<http::ResponseHead>();
  return {"parse_response", [head] {
            Keep(http::ParseResponseHead(kServerResponse, 0, http::H1Limits{}, "GET", head.get())
                     .status);
          }};
}

Operation WriteRequest(std::string name, bool has_changes) {
  struct State {
    http::RequestHead head;
    std::vector<http::HeaderChange> changes;
    std::array<char, 4096> out;
  };
  auto state = std::make_shared<State>();
  http::ParseRequestHead(kBrowserRequest, 0, http::H1Limits{}, &state->head);
  if (has_changes) {
    state->changes = {{http::HeaderChange::Kind::kSet, "x-version", "2"},
                      {http::HeaderChange::Kind::kRemove, "cookie", ""}};
  }
  return {
      std::move(name), [state] {
        const http::RequestRewrite rewrite{.target = {}, .rule_changes = state->changes};
        Keep(http::WriteRequestHead(state->head, rewrite, state->out.data(), state->out.size()));
      }};
}

Operation WriteResponse() {
  struct State {
    http::ResponseHead head;
    std::array<char, 4096> out;
  };
  auto state = std::make_shared<State>();
  http::ParseResponseHead(kServerResponse, 0, http::H1Limits{}, "GET", &state->head);
  return {"write_response", [state] {
            Keep(http::WriteResponseHead(state->head, {}, state->out.data(), state->out.size()));
          }};
}

Operation NormalisePath() {
  auto out = std::make_shared<std::string>();
  return {"normalise_path", [out] {
            bool is_changed = false;
            Keep(http::NormalisePath(http::PathNormalisation::kStrict, "/api/v1/items/4711", *out,
                                     &is_changed));
          }};
}

// The last of a hundred rules, each with a prefix and a header; the request has the browser's eight
// fields.
Operation MatchRoute() {
  struct State {
    model::RouteTable table;
    std::unique_ptr<const route::Matcher> matcher;
    http::RequestHead head;
  };
  auto state = std::make_shared<State>();
  for (uint32_t rule = 0; rule < kRules; ++rule) {
    model::HttpMatch match;
    match.path = {model::PathMatch::Kind::kPrefix,
                  rule + 1 < kRules ? base::Concat("/v", rule) : "/api"};
    if (rule + 1 < kRules) match.headers = {{.name = "x-canary", .value = "always"}};
    state->table.entries.push_back({.match = match, .rule = rule});
    state->table.rules.push_back({.route = "shop/route"});
  }
  state->matcher = std::move(route::Matcher::Compile(state->table)).value();
  http::ParseRequestHead(kBrowserRequest, 0, http::H1Limits{}, &state->head);
  return {"match_route_100", [state] {
            Keep(state->matcher
                     ->Match({.method = state->head.method,
                              .path = state->head.path,
                              .query = state->head.query,
                              .headers = state->head.headers()})
                     .rule);
          }};
}

Operation PickBackend() {
  auto rule = std::make_shared<model::HttpRule>();
  rule->backends = {{.service_port = "shop/v1:80", .weight = 90},
                    {.service_port = "shop/v2:80", .weight = 10}};
  rule->weight_sum = 100;
  return {"pick_backend", [rule] { Keep(route::PickBackend(*rule, kRandom)); }};
}

Operation PickEndpoint() {
  struct State {
    model::Cluster cluster;
    std::vector<balance::EndpointLoad> loads;
  };
  auto state = std::make_shared<State>();
  for (uint32_t index = 0; index < kEndpointsEach; ++index) {
    state->cluster.endpoints.push_back({.slot = {.index = index, .generation = 1}});
    state->loads.push_back({.generation = 1, .active_requests = index});
  }
  return {"pick_endpoint",
          [state] { Keep(balance::PickLeastRequest(state->cluster, state->loads, kRandom)); }};
}

// A timer armed and disarmed in a wheel with a thousand others, as one of each request is.
Operation ArmTimer() {
  struct State {
    io::TimerWheel wheel{0};
    std::vector<std::unique_ptr<io::Timer>> others;
    io::Timer timer{[](void*) {}, nullptr};
  };
  auto state = std::make_shared<State>();
  for (uint64_t index = 0; index < 1000; ++index) {
    state->others.push_back(std::make_unique<io::Timer>([](void*) {}, nullptr));
    state->wheel.Arm(*state->others.back(), index * 10'000'000);
  }
  return {"arm_timer", [state] {
            state->wheel.Arm(state->timer, 15'000'000'000);
            state->timer.Disarm();
          }};
}

// A thousand timers over ten seconds, each armed again when it fires, as keep-alive's are; a call
// advances to the next of them.
Operation AdvanceTimers() {
  static constexpr uint64_t kStepNs = 10'000'000, kCount = 1000;
  struct Repeated {
    io::TimerWheel& wheel;
    uint64_t deadline_ns;
    io::Timer timer{[](void* self) { static_cast<Repeated*>(self)->Arm(); }, this};
    void Arm() { wheel.Arm(timer, deadline_ns += kStepNs * kCount); }
  };
  struct State {
    io::TimerWheel wheel{0};
    std::vector<std::unique_ptr<Repeated>> timers;
    uint64_t now_ns = kStepNs * kCount;
  };
  auto state = std::make_shared<State>();
  for (uint64_t index = 0; index < kCount; ++index) {
    state->timers.push_back(std::make_unique<Repeated>(state->wheel, index * kStepNs));
    state->timers.back()->Arm();
  }
  return {"advance_timers", [state] { state->wheel.Advance(state->now_ns += kStepNs); }};
}

// One endpoint of ten thousand goes, or comes back, and a snapshot is built; two calls are the same
// again.
Operation BuildSnapshot() {
  struct State {
    model::SnapshotBuilder builder;
    std::shared_ptr<const model::Snapshot> snapshot;
    istio::workload::Address healthy = MakeWorkload(4711, true), sick = MakeWorkload(4711, false);
    uint64_t version = 1;
  };
  auto state = std::make_shared<State>();
  PutManyServices(state->builder);
  state->snapshot = state->builder.Build(state->version);
  return {"snapshot_change_of_10000", [state] {
            state->builder.PutAddress(++state->version % 2 == 0 ? state->sick : state->healthy);
            state->snapshot = state->builder.Build(state->version);
          }};
}

// A hundred services and their thousand endpoints, as a proxy gets them when it starts.
Operation BuildWholeSnapshot() {
  constexpr int kFew = 100;
  auto addresses = std::make_shared<std::vector<istio::workload::Address>>();
  for (int number = 0; number < kFew; ++number) addresses->push_back(MakeService(number));
  for (int serial = 0; serial < kFew * kEndpointsEach; ++serial) {
    addresses->push_back(MakeWorkload(serial, true));
  }
  return {"snapshot_build_of_1000", [addresses] {
            model::SnapshotBuilder builder;
            for (const istio::workload::Address& address : *addresses) builder.PutAddress(address);
            Keep(builder.Build(1));
          }};
}

Operation FindService() {
  auto builder = std::make_shared<model::SnapshotBuilder>();
  for (int number = 0; number < kServices; ++number) builder->PutAddress(MakeService(number));
  const std::shared_ptr<const model::Snapshot> snapshot = builder->Build(1);
  const base::SocketAddress dialled = base::SocketAddress::Parse("10.99.2.78:80").value();
  return {"find_service_of_1000", [snapshot, dialled] { Keep(snapshot->FindService(dialled)); }};
}

}  // namespace

std::vector<Operation> MakeOperations() {
  std::vector<Operation> operations;
  operations.push_back(ParseRequest("parse_request", kBrowserRequest));
  operations.push_back(ParseRequest("parse_request_small", kSmallRequest));
  operations.push_back(ParseResponse());
  operations.push_back(WriteRequest("write_request", false));
  operations.push_back(WriteRequest("write_request_changed", true));
  operations.push_back(WriteResponse());
  AddH2Operations(operations);
  operations.push_back(NormalisePath());
  operations.push_back(FindService());
  operations.push_back(MatchRoute());
  operations.push_back(PickBackend());
  operations.push_back(PickEndpoint());
  operations.push_back(ArmTimer());
  operations.push_back(BuildSnapshot());
  operations.push_back(BuildWholeSnapshot());
  operations.push_back(AdvanceTimers());
  return operations;
}

}  // namespace sluice::bench
