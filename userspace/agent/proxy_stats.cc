#include "userspace/agent/proxy_stats.h"

#include <cmath>
#include <utility>

#include "userspace/telemetry/sample.h"

namespace sluice::agent {
namespace {

bool IsText(const std::string& text) {
  if (text.size() > kStatsLabelSizeMax) return false;
  for (const char c : text) {
    if (c < 0x20 || c >= 0x7f) return false;
  }
  return true;
}

}  // namespace

double ProxyNumbers::Value(const std::string& name, const std::string& label_value) const {
  double sum = 0;
  for (const CounterRow& row : counters) {
    if (row.name == name && row.label_value == label_value) sum += row.value;
  }
  return sum;
}

uint64_t ProxyStats::NewRequest() {
  collecting_ = ProxyNumbers();
  is_collecting_ = true;
  return ++last_id_;
}

bool ProxyStats::Part(const node::v1::Stats& part, absl::Time now) {
  if (!is_collecting_ || part.id() != last_id_) return false;
  for (const node::v1::Counter& counter : part.counters()) AddCounter(counter);
  for (const node::v1::BackendStats& backend : part.backends()) AddBackend(backend);
  for (const node::v1::UndeclaredPort& port : part.undeclared_ports()) AddUndeclaredPort(port);
  if (!part.is_last()) return false;
  is_collecting_ = false;
  latest_ = std::move(collecting_);
  latest_.taken_at = now;
  return true;
}

void ProxyStats::AddCounter(const node::v1::Counter& counter) {
  CounterRow row;
  row.name = counter.name();
  row.value = counter.value();
  row.is_gauge = counter.is_gauge();
  row.help = counter.help();
  const size_t split = counter.label().find('=');
  if (split != std::string::npos) {
    row.label_key = counter.label().substr(0, split);
    row.label_value = counter.label().substr(split + 1);
  }
  const bool has_legal_label = counter.label().empty() || (split != std::string::npos &&
                                                           telemetry::IsLabelName(row.label_key));
  if (collecting_.counters.size() >= kStatsCountersMax || row.name.rfind("sluice_", 0) != 0 ||
      !telemetry::IsMetricName(row.name) || !has_legal_label || !IsText(counter.label()) ||
      !IsText(row.name) || !IsText(row.help) || !std::isfinite(row.value)) {
    ++refused_rows_;
    return;
  }
  collecting_.counters.push_back(std::move(row));
}

void ProxyStats::AddUndeclaredPort(const node::v1::UndeclaredPort& port) {
  bool is_sound = collecting_.undeclared_ports.size() < kStatsUndeclaredPortsMax &&
                  IsText(port.service()) && port.seen_size() <= kStatsSeenMax;
  for (const std::string& seen : port.seen()) is_sound = is_sound && IsText(seen);
  if (!is_sound) {
    ++refused_rows_;
    return;
  }
  collecting_.undeclared_ports.push_back({.service = port.service(),
                                          .seen = {port.seen().begin(), port.seen().end()},
                                          .wrong_guesses = port.wrong_guesses()});
}

void ProxyStats::AddBackend(const node::v1::BackendStats& backend) {
  if (collecting_.backends.size() >= kStatsBackendsMax || !IsText(backend.service()) ||
      !IsText(backend.route()) || !IsText(backend.backend()) ||
      backend.requests_by_class_size() > static_cast<int>(kStatsClassesMax)) {
    ++refused_rows_;
    return;
  }
  BackendRow row;
  row.service = backend.service();
  row.route = backend.route();
  row.backend = backend.backend();
  row.requests_by_class.assign(backend.requests_by_class().begin(),
                               backend.requests_by_class().end());
  row.latency_us_sum = backend.latency_us_sum();
  collecting_.backends.push_back(std::move(row));
}

}  // namespace sluice::agent
