#include "userspace/agent/status.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice::agent {
namespace {

using nlohmann::ordered_json;

// Whole numbers without a fraction: counters are read by people.
ordered_json Number(double value) {
  if (value >= 0 && value < 9e15 && value == static_cast<double>(static_cast<uint64_t>(value))) {
    return static_cast<uint64_t>(value);
  }
  return value;
}

ordered_json Acceleration(const NodeView& view) {
  ordered_json probes = ordered_json::array();
  for (const auto& probe : view.probes) {
    probes.push_back(
        {{"name", probe.name}, {"passed", probe.has_passed}, {"detail", probe.detail}});
  }
  return {{"requested", datapath::AccelerationName(view.acceleration.requested)},
          {"level", datapath::AccelerationName(view.acceleration.level)},
          {"reason", view.acceleration.reason},
          {"kernel_allows", datapath::AccelerationName(view.acceleration_max)},
          {"probes", std::move(probes)}};
}

ordered_json Pods(const NodeView& view) {
  ordered_json pods = ordered_json::array();
  for (const PodRow& pod : view.pods) {
    pods.push_back({{"uid", pod.uid},
                    {"namespace", pod.namespace_name},
                    {"name", pod.name},
                    {"addresses", pod.addresses},
                    {"netns", pod.netns_path},
                    {"captured", pod.is_captured},
                    {"reason", pod.reason},
                    {"acceleration",
                     {{"requested", datapath::AccelerationName(pod.acceleration.requested)},
                      {"requested_by", pod.has_own_wish ? "annotation" : "flag"},
                      {"level", datapath::AccelerationName(pod.acceleration.level)},
                      {"refused", pod.acceleration.is_refused},
                      {"reason", pod.acceleration.reason}}}});
  }
  return pods;
}

uint64_t SumOfKernelCounters(const NodeView& view, const char* prefix) {
  uint64_t sum = 0;
  for (const auto& counter : view.kernel_counters) {
    if (absl::StartsWith(counter.name, prefix)) sum += counter.value;
  }
  return sum;
}

ordered_json Connections(const NodeView& view) {
  ordered_json rows = ordered_json::array();
  for (const char* path : {"http", "tcp", "inbound_tcp"}) {
    rows.push_back(
        {{"path", path},
         {"opened", Number(view.proxy_numbers.Value("sluice_connections_opened_total", path))},
         {"active", Number(view.proxy_numbers.Value("sluice_connections_active", path))}});
  }
  // The kernel lets these go, or refuses them, and does not follow them.
  rows.push_back(
      {{"path", "passed"}, {"opened", SumOfKernelCounters(view, "connect_passed")}, {"active", 0}});
  rows.push_back(
      {{"path", "denied"}, {"opened", SumOfKernelCounters(view, "connect_denied")}, {"active", 0}});
  return rows;
}

ordered_json Counters(const NodeView& view) {
  ordered_json counters = ordered_json::object();
  for (const auto& row : view.proxy_numbers.counters) {
    const std::string label =
        row.label_key.empty() ? "" : absl::StrCat("{", row.label_key, "=", row.label_value, "}");
    counters[row.name + label] = Number(row.value);
  }
  for (const auto& counter : view.kernel_counters) {
    counters[absl::StrCat("sluice_kernel_events_total{event=", counter.name, "}")] = counter.value;
  }
  for (const auto& counter : view.map_writes) {
    counters[absl::StrCat("sluice_kernel_map_writes_total{map=", counter.name, "}")] =
        counter.value;
  }
  for (const auto& number : view.agent_numbers) counters[number.name] = Number(number.value);
  return counters;
}

ordered_json Backends(const NodeView& view) {
  constexpr const char* kClassNames[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  ordered_json rows = ordered_json::array();
  for (const BackendRow& row : view.proxy_numbers.backends) {
    uint64_t sum = 0;
    ordered_json by_class = ordered_json::object();
    for (size_t i = 0; i < row.requests_by_class.size() && i < std::size(kClassNames); ++i) {
      sum += row.requests_by_class[i];
      if (row.requests_by_class[i] > 0) by_class[kClassNames[i]] = row.requests_by_class[i];
    }
    rows.push_back({{"service", row.service},
                    {"route", row.route},
                    {"backend", row.backend},
                    {"requests", sum},
                    {"by_class", std::move(by_class)},
                    {"latency_us_sum", row.latency_us_sum}});
  }
  return rows;
}

ordered_json UndeclaredPorts(const NodeView& view) {
  ordered_json rows = ordered_json::array();
  for (const UndeclaredPortRow& port : view.proxy_numbers.undeclared_ports) {
    rows.push_back(
        {{"service", port.service}, {"seen", port.seen}, {"wrong_guesses", port.wrong_guesses}});
  }
  return rows;
}

ordered_json Problems(const NodeView& view) {
  ordered_json rows = ordered_json::array();
  for (const auto& problem : view.problems) {
    rows.push_back({{"file", problem.file()},
                    {"document", problem.document()},
                    {"object", problem.object()},
                    {"field", problem.field()},
                    {"reason", problem.reason()},
                    {"mend", problem.mend()}});
  }
  return rows;
}

}  // namespace

std::string StatusJson(const NodeView& view) {
  const ordered_json status = {
      {"node", view.node},
      {"version", view.version},
      {"ready", view.not_ready.empty()},
      {"not_ready", view.not_ready},
      {"kernel", view.kernel},
      {"acceleration", Acceleration(view)},
      {"pods", Pods(view)},
      {"connections", Connections(view)},
      {"proxy",
       {{"pid", view.proxy_pid},
        {"state", view.proxy_state},
        {"restarts", view.proxy_restart_count},
        {"numbers_age_s", view.proxy_numbers_age_s}}},
      {"controller",
       {{"connected", view.is_controller_connected}, {"reason", view.controller_reason}}},
      {"config",
       {{"version", view.config_version},
        {"services", view.service_count},
        {"workloads", view.workload_count},
        {"route_tables", view.route_table_count}}},
      {"counters", Counters(view)},
      {"backends", Backends(view)},
      {"undeclared_ports", UndeclaredPorts(view)},
      {"problems", Problems(view)}};
  return status.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string ReadinessText(const NodeView& view) {
  if (view.not_ready.empty()) return "ready\n";
  std::string text;
  for (const std::string& reason : view.not_ready) absl::StrAppend(&text, reason, "\n");
  return text;
}

}  // namespace sluice::agent
