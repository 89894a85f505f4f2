// The numbers of a hostile proxy, in packets, to the operator's eyes: they count only when they are
// whole, stay within their bounds, do not change what the agent says of itself, and make neither
// metrics that a scraper refuses nor a status that steers a terminal.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "tests/fuzz/packets.h"
#include "tests/fuzz/screen.h"
#include "userspace/agent/metrics.h"
#include "userspace/agent/proxy_stats.h"
#include "userspace/agent/status.h"
#include "userspace/base/check.h"
#include "userspace/cli/status_text.h"
#include "userspace/cli/text_table.h"

namespace {

using namespace sluice::agent;

constexpr std::string_view kOwnNumber = "sluice_agent_dial_sockets_total 12\n";

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// name="value" pairs between commas; takes them off `text` up to the closing brace.
void CheckLabels(std::string_view& text) {
  while (true) {
    size_t size = 0;
    while (size < text.size() && IsNameByte(text[size])) ++size;
    SLUICE_CHECK(size > 0 && text.substr(size, 2) == "=\"");
    text.remove_prefix(size + 2);
    while (!text.empty() && text.front() != '"') {
      if (text.front() == '\\') text.remove_prefix(1);
      SLUICE_CHECK(!text.empty());
      text.remove_prefix(1);
    }
    SLUICE_CHECK(text.size() >= 2 && (text[1] == ',' || text[1] == '}'));
    const bool is_last = text[1] == '}';
    text.remove_prefix(2);
    if (is_last) return;
  }
}

// "name{labels} value", not seen before.
void CheckSeries(std::string_view line, std::set<std::string_view>& seen) {
  std::string_view rest = line;
  while (!rest.empty() && (IsNameByte(rest.front()) || rest.front() == ':')) rest.remove_prefix(1);
  SLUICE_CHECK(rest.size() < line.size() && line.starts_with("sluice_"));
  if (rest.starts_with('{')) {
    rest.remove_prefix(1);
    CheckLabels(rest);
  }
  SLUICE_CHECK(seen.insert(line.substr(0, line.size() - rest.size())).second);
  SLUICE_CHECK(rest.size() > 1 && rest[0] == ' ' && rest.find(' ', 1) == rest.npos);
}

// Prometheus' text format, strictly: each family and each series once.
void CheckExposition(std::string_view text) {
  std::set<std::string_view> seen;
  std::set<std::string_view> families;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    SLUICE_CHECK(end != text.npos);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with("# TYPE ")) {
      SLUICE_CHECK(families.insert(line.substr(0, line.rfind(' '))).second);
    } else if (!line.starts_with("# HELP ")) {
      CheckSeries(line, seen);
    }
  }
}

void CheckShown(const ProxyNumbers& numbers) {
  NodeView view;
  view.proxy_numbers = numbers;
  view.agent_numbers = {{"sluice_agent_dial_sockets_total", "Sockets.", 12, false}};
  const std::string metrics = sluice::telemetry::RenderPrometheus(NodeMetrics(view));
  CheckExposition(metrics);
  SLUICE_CHECK(metrics.find(kOwnNumber) != std::string::npos);
  const auto status = sluice::cli::RenderStatus(StatusJson(view));
  SLUICE_CHECK(status.ok());
  sluice::fuzz::CheckScreen(*status, sluice::cli::kTextWidth);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ProxyStats stats;
  uint64_t id = stats.NewRequest();
  int64_t now_s = 1;
  for (const std::string_view packet : sluice::fuzz::Packets(data, size)) {
    sluice::node::v1::Stats part;
    if (!part.ParseFromArray(packet.data(), static_cast<int>(packet.size()))) continue;
    const bool is_answer = part.id() != 0;  // Others are parts that nobody asked for.
    if (is_answer) part.set_id(id);
    const absl::Time before = stats.latest().taken_at;
    const bool is_whole = stats.Part(part, absl::FromUnixSeconds(++now_s));
    SLUICE_CHECK(is_whole == (is_answer && part.is_last()));
    SLUICE_CHECK(is_whole == (stats.latest().taken_at != before));
    SLUICE_CHECK(stats.latest().counters.size() <= kStatsCountersMax);
    SLUICE_CHECK(stats.latest().backends.size() <= kStatsBackendsMax);
    SLUICE_CHECK(stats.latest().undeclared_ports.size() <= kStatsUndeclaredPortsMax);
    if (!is_whole) continue;
    CheckShown(stats.latest());
    id = stats.NewRequest();
  }
  return 0;
}
