// One value of one metric series, ready to be written out. Producers make a list of these; only
// prometheus.cc knows the text format. Bounds: the producer bounds its own series; render drops
// what is past kSamplesMax.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::telemetry {

enum class SampleKind : uint8_t { kCounter, kGauge };

struct Sample {
  std::string name;  // Prometheus name: sluice_..., counters end in _total.
  std::string help;
  SampleKind kind = SampleKind::kGauge;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

inline constexpr size_t kSamplesMax = 20000;

// True for [a-zA-Z_:][a-zA-Z0-9_:]*, the names that a scraper accepts.
bool IsMetricName(const std::string& name);
// The same without ':', and not one of the scraper's own, which begin with "__": one label that it
// does not take makes it drop the whole page.
bool IsLabelName(const std::string& name);

// Prometheus text format 0.0.4. Series of one name are put together; samples with an illegal name
// are left out, as are later samples of a series that was already written.
std::string RenderPrometheus(const std::vector<Sample>& samples);

}  // namespace sluice::telemetry
