#include "userspace/proxy/stats.h"

#include <algorithm>
#include <utility>

#include "userspace/base/text.h"

namespace sluice::proxy {
namespace {

constexpr size_t kPartSize =
    32 * 1024;  // Bytes, far enough below the packet limit for one more entry.

template <typename Read>
uint64_t Sum(const std::vector<const Counters*>& workers, Read read) {
  uint64_t sum = 0;
  for (const Counters* counters : workers) sum += read(*counters);
  return sum;
}

void AddCounters(const std::vector<const Counters*>& workers, node::v1::Stats& stats) {
  for (size_t i = 0; i < kCounterCount; ++i) {
    node::v1::Counter& counter = *stats.add_counters();
    counter.set_name(std::string(kCounterInfo[i].metric));
    counter.set_label(std::string(kCounterInfo[i].label));
    counter.set_is_gauge(kCounterInfo[i].is_gauge);
    counter.set_help(std::string(kCounterInfo[i].help));
    counter.set_value(
        static_cast<double>(Sum(workers, [i](const Counters& c) { return c.value(i); })));
  }
}

void AddReasons(const std::vector<const Counters*>& workers, node::v1::Stats& stats) {
  for (size_t i = 1; i < kCloseReasonCount; ++i) {
    const std::string label =
        base::Concat("reason=", CloseReasonLabel(static_cast<CloseReason>(i)));
    node::v1::Counter& closed = *stats.add_counters();
    closed.set_name("sluice_connections_closed_total");
    closed.set_label(label);
    closed.set_help("Connections ended, by reason.");
    closed.set_value(
        static_cast<double>(Sum(workers, [i](const Counters& c) { return c.closed(i); })));
    node::v1::Counter& refused = *stats.add_counters();
    refused.set_name("sluice_http_local_answers_total");
    refused.set_label(label);
    refused.set_help("Requests answered by the proxy itself, by reason.");
    refused.set_value(
        static_cast<double>(Sum(workers, [i](const Counters& c) { return c.refused(i); })));
  }
}

std::vector<node::v1::UndeclaredPort> UndeclaredPorts(const RuntimeConfig& config) {
  std::vector<node::v1::UndeclaredPort> ports;
  config.ForEachMemory([&ports](const std::string& service, const PortMemory& memory) {
    if (memory.seen() == 0) return;
    node::v1::UndeclaredPort& port = ports.emplace_back();
    port.set_service(service);
    memory.ForEachSeen([&port](std::string_view name) { port.add_seen(std::string(name)); });
    port.set_wrong_guesses(memory.wrong_guesses());
  });
  std::sort(ports.begin(), ports.end(), [](const auto& a, const auto& b) {
    return std::pair(b.wrong_guesses(), a.service()) < std::pair(a.wrong_guesses(), b.service());
  });
  if (ports.size() > kUndeclaredPortsTold) ports.resize(kUndeclaredPortsTold);
  return ports;
}

// `size`: of the last part.
void AddUndeclaredPorts(const RuntimeConfig& config, size_t size,
                        std::vector<node::v1::Stats>& parts) {
  for (node::v1::UndeclaredPort& port : UndeclaredPorts(config)) {
    if (size + port.ByteSizeLong() + 8 > kPartSize) {
      parts.emplace_back();
      size = 0;
    }
    size += port.ByteSizeLong() + 8;
    *parts.back().add_undeclared_ports() = std::move(port);
  }
}

void AddHttp2Faults(const std::vector<const Counters*>& workers, node::v1::Stats& stats) {
  for (size_t i = 1; i < http::kH2ReasonCount; ++i) {
    const uint64_t count = Sum(workers, [i](const Counters& c) { return c.http2_faults(i); });
    if (count == 0) continue;
    node::v1::Counter& faults = *stats.add_counters();
    faults.set_name("sluice_http2_faults_total");
    faults.set_label(base::Concat("reason=", http::H2ReasonName(static_cast<http::H2Reason>(i))));
    faults.set_help(
        "Streams and connections of HTTP/2 ended for a fault of the peer's, by reason.");
    faults.set_value(static_cast<double>(count));
  }
}

}  // namespace

std::vector<node::v1::Stats> CollectStats(const std::vector<const Counters*>& workers,
                                          const std::vector<BackendName>& names,
                                          const RuntimeConfig* config, uint64_t id) {
  std::vector<node::v1::Stats> parts(1);
  AddCounters(workers, parts.back());
  AddReasons(workers, parts.back());
  AddHttp2Faults(workers, parts.back());
  size_t size = kPartSize;  // The counters have a packet of their own.
  for (uint32_t i = 0; i < names.size(); ++i) {
    node::v1::BackendStats backend;
    backend.set_service(names[i].service);
    backend.set_route(names[i].route);
    backend.set_backend(names[i].backend);
    uint64_t total = 0;
    for (size_t status_class = 0; status_class < 6; ++status_class) {
      const uint64_t count = Sum(workers, [&](const Counters& c) {
        return c.backend(i).requests_by_class[status_class].value();
      });
      backend.add_requests_by_class(count);
      total += count;
    }
    if (total == 0) continue;
    backend.set_latency_us_sum(
        Sum(workers, [&](const Counters& c) { return c.backend(i).latency_us_sum.value(); }));
    if (size + backend.ByteSizeLong() + 8 > kPartSize) {
      parts.emplace_back();
      size = 0;
    }
    size += backend.ByteSizeLong() + 8;
    *parts.back().add_backends() = std::move(backend);
  }
  if (config != nullptr) AddUndeclaredPorts(*config, size, parts);
  for (node::v1::Stats& part : parts) part.set_id(id);
  parts.back().set_is_last(true);
  return parts;
}

}  // namespace sluice::proxy
