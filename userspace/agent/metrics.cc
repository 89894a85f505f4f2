#include "userspace/agent/metrics.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::agent {
namespace {

using telemetry::Sample;
using telemetry::SampleKind;
using Labels = std::vector<std::pair<std::string, std::string>>;

class SampleList {
 public:
  void Gauge(std::string name, std::string help, double value, Labels labels = {}) {
    samples_.push_back(
        {std::move(name), std::move(help), SampleKind::kGauge, std::move(labels), value});
  }
  void Counter(std::string name, std::string help, double value, Labels labels = {}) {
    samples_.push_back(
        {std::move(name), std::move(help), SampleKind::kCounter, std::move(labels), value});
  }
  std::vector<Sample> Take() && { return std::move(samples_); }

 private:
  std::vector<Sample> samples_;
};

void AddNode(const NodeView& view, SampleList& out) {
  out.Gauge("sluice_build_info", "Always 1; the labels say what runs.", 1,
            {{"version", view.version}, {"kernel", view.kernel}});
  out.Gauge("sluice_ready", "1 if the node serves its whole configuration.",
            view.not_ready.empty() ? 1 : 0);
  out.Gauge("sluice_controller_connected", "1 while the stream from the controller is up.",
            view.is_controller_connected ? 1 : 0);
  out.Gauge("sluice_config_version", "Number of the configuration that the proxy confirmed last.",
            static_cast<double>(view.config_version));
  const char* help = "Objects in the configuration, by kind.";
  out.Gauge("sluice_config_objects", help, static_cast<double>(view.service_count),
            {{"kind", "service"}});
  out.Gauge("sluice_config_objects", help, static_cast<double>(view.workload_count),
            {{"kind", "workload"}});
  out.Gauge("sluice_config_objects", help, static_cast<double>(view.route_table_count),
            {{"kind", "route_table"}});
  out.Gauge("sluice_config_problems", "Objects, or parts of them, that were skipped.",
            static_cast<double>(view.problems.size()));
  const auto captured = static_cast<double>(std::count_if(
      view.pods.begin(), view.pods.end(), [](const PodRow& pod) { return pod.is_captured; }));
  const char* pods_help = "Pods of this node that are to be captured, by state.";
  out.Gauge("sluice_pods", pods_help, captured, {{"state", "captured"}});
  out.Gauge("sluice_pods", pods_help, static_cast<double>(view.pods.size()) - captured,
            {{"state", "not_captured"}});
}

void AddKernel(const NodeView& view, SampleList& out) {
  using datapath::Acceleration;
  out.Gauge("sluice_acceleration_level",
            "Kernel path of the pods without a wish of their own: 0 off, 1 send, 2 full.",
            static_cast<double>(view.acceleration.level),
            {{"level", datapath::AccelerationName(view.acceleration.level)}});
  for (const Acceleration level : {Acceleration::kOff, Acceleration::kSend, Acceleration::kFull}) {
    const auto count = std::count_if(
        view.pods.begin(), view.pods.end(),
        [level](const PodRow& pod) { return pod.is_captured && pod.acceleration.level == level; });
    out.Gauge("sluice_acceleration_pods", "Captured pods by the level of their kernel path.",
              static_cast<double>(count), {{"level", datapath::AccelerationName(level)}});
  }
  for (const auto& probe : view.probes) {
    out.Gauge("sluice_acceleration_probe_passed", "1 if this start-up probe of the kernel passed.",
              probe.has_passed ? 1 : 0, {{"probe", probe.name}});
  }
  for (const auto& counter : view.kernel_counters) {
    out.Counter("sluice_kernel_events_total", "Verdicts and events counted in the kernel.",
                static_cast<double>(counter.value), {{"event", counter.name}});
  }
  for (const auto& counter : view.map_writes) {
    out.Counter("sluice_kernel_map_writes_total",
                "Entries written to or deleted from kernel tables.",
                static_cast<double>(counter.value), {{"map", counter.name}});
  }
}

void AddAgent(const NodeView& view, SampleList& out) {
  for (const NamedNumber& number : view.agent_numbers) {
    if (number.is_gauge) {
      out.Gauge(number.name, number.help, number.value);
    } else {
      out.Counter(number.name, number.help, number.value);
    }
  }
}

void AddProxy(const NodeView& view, SampleList& out) {
  out.Gauge("sluice_proxy_up", "1 while the proxy accepts connections.",
            view.proxy_state == "ready" ? 1 : 0);
  out.Counter("sluice_proxy_restarts_total", "Proxies that ended and were started again.",
              static_cast<double>(view.proxy_restart_count));
  out.Gauge("sluice_proxy_numbers_age_seconds",
            "Age of the proxy's numbers below; -1: there are none.", view.proxy_numbers_age_s);
  for (const CounterRow& row : view.proxy_numbers.counters) {
    Labels labels;
    if (!row.label_key.empty()) labels.emplace_back(row.label_key, row.label_value);
    if (row.is_gauge) {
      out.Gauge(row.name, row.help, row.value, std::move(labels));
    } else {
      out.Counter(row.name, row.help, row.value, std::move(labels));
    }
  }
}

void AddBackends(const NodeView& view, SampleList& out) {
  constexpr const char* kClassNames[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (const BackendRow& row : view.proxy_numbers.backends) {
    const Labels labels = {
        {"service", row.service}, {"route", row.route}, {"backend", row.backend}};
    for (size_t i = 0; i < row.requests_by_class.size() && i < std::size(kClassNames); ++i) {
      if (row.requests_by_class[i] == 0) continue;
      Labels with_class = labels;
      with_class.emplace_back("code_class", kClassNames[i]);
      out.Counter("sluice_requests_total",
                  "HTTP requests by service, route, backend and class of the answer.",
                  static_cast<double>(row.requests_by_class[i]), std::move(with_class));
    }
    out.Counter("sluice_request_duration_seconds_total", "Time spent in requests, summed.",
                static_cast<double>(row.latency_us_sum) / 1e6, labels);
  }
}

}  // namespace

std::vector<Sample> NodeMetrics(const NodeView& view) {
  SampleList out;
  AddNode(view, out);
  AddKernel(view, out);
  // The proxy's last: of two samples of one series the first counts, and it must not speak for us.
  AddAgent(view, out);
  AddProxy(view, out);
  AddBackends(view, out);
  return std::move(out).Take();
}

}  // namespace sluice::agent
