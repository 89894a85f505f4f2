// The proxy's numbers, pulled when somebody asks and kept for when it does not answer.
// What the proxy sends is not trusted: names and labels are checked, series and parts are capped.
// Thread: one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "api/node.pb.h"

namespace sluice::agent {

inline constexpr size_t kStatsCountersMax = 2000;
inline constexpr size_t kStatsBackendsMax = 10000;
inline constexpr size_t kStatsLabelSizeMax = 256;
inline constexpr size_t kStatsClassesMax = 6;
inline constexpr size_t kStatsUndeclaredPortsMax = 1000;
inline constexpr int kStatsSeenMax = 8;

struct BackendRow {
  std::string service;
  std::string route;
  std::string backend;
  std::vector<uint64_t> requests_by_class;  // [0] no response, [1] 1xx .. [5] 5xx.
  uint64_t latency_us_sum = 0;
};

struct CounterRow {
  std::string name;
  std::string label_key;  // Empty: no label.
  std::string label_value;
  double value = 0;
  bool is_gauge = false;
  std::string help;
};

// A Service port that declares no protocol.
struct UndeclaredPortRow {
  std::string service;
  std::vector<std::string> seen;
  uint64_t wrong_guesses = 0;
};

struct ProxyNumbers {
  std::vector<CounterRow> counters;
  std::vector<BackendRow> backends;
  std::vector<UndeclaredPortRow> undeclared_ports;
  absl::Time taken_at = absl::InfinitePast();

  // Sum of the rows of that name and label value; 0 if there are none.
  double Value(const std::string& name, const std::string& label_value) const;
};

// Collects the parts of one answer after the other.
class ProxyStats {
 public:
  // Begins a new answer; parts of earlier ones are dropped from here on.
  uint64_t NewRequest();
  // True: the answer to the last request is whole and in latest().
  bool Part(const node::v1::Stats& part, absl::Time now);
  const ProxyNumbers& latest() const { return latest_; }
  uint64_t refused_rows() const { return refused_rows_; }

 private:
  void AddCounter(const node::v1::Counter& counter);
  void AddUndeclaredPort(const node::v1::UndeclaredPort& port);
  void AddBackend(const node::v1::BackendStats& backend);

  uint64_t last_id_ = 0;
  bool is_collecting_ = false;
  ProxyNumbers collecting_;
  ProxyNumbers latest_;
  uint64_t refused_rows_ = 0;
};

}  // namespace sluice::agent
