// The only file that includes prometheus-cpp.
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "userspace/telemetry/sample.h"

namespace sluice::telemetry {
namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

prometheus::ClientMetric ToClientMetric(const Sample& sample) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) {
    prometheus::ClientMetric::Label label;
    label.name = name;
    label.value = value;
    metric.label.push_back(std::move(label));
  }
  if (sample.kind == SampleKind::kCounter) {
    metric.counter.value = sample.value;
  } else {
    metric.gauge.value = sample.value;
  }
  return metric;
}

bool HasLegalNames(const Sample& sample) {
  if (!IsMetricName(sample.name)) return false;
  for (const auto& [name, value] : sample.labels) {
    if (!IsLabelName(name)) return false;
  }
  return true;
}

}  // namespace

bool IsMetricName(const std::string& name) {
  if (name.empty() || !IsNameStart(name[0])) return false;
  for (const char c : name) {
    if (!IsNameStart(c) && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

bool IsLabelName(const std::string& name) {
  return IsMetricName(name) && name.find(':') == std::string::npos && name.rfind("__", 0) != 0;
}

std::string RenderPrometheus(const std::vector<Sample>& samples) {
  std::vector<prometheus::MetricFamily> families;
  std::map<std::string, size_t> family_of_name;
  std::set<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> written;
  for (const Sample& sample : samples) {
    if (written.size() == kSamplesMax) break;
    if (!HasLegalNames(sample)) continue;
    if (!written.emplace(sample.name, sample.labels).second) continue;
    const auto [entry, is_new] = family_of_name.emplace(sample.name, families.size());
    if (is_new) {
      prometheus::MetricFamily family;
      family.name = sample.name;
      family.help = sample.help;
      family.type = sample.kind == SampleKind::kCounter ? prometheus::MetricType::Counter
                                                        : prometheus::MetricType::Gauge;
      families.push_back(std::move(family));
    }
    prometheus::MetricFamily& family = families[entry->second];
    const bool is_counter = family.type == prometheus::MetricType::Counter;
    if (is_counter != (sample.kind == SampleKind::kCounter)) continue;  // One name has one kind.
    family.metric.push_back(ToClientMetric(sample));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

}  // namespace sluice::telemetry
