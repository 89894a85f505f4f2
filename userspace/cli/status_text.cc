#include "userspace/cli/status_text.h"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/cli/text_table.h"

namespace sluice::cli {
namespace {

using Json = nlohmann::json;

// A status has five levels. Json copies and writes by recursion, which a limit must end.
constexpr int kDepthMax = 32;

absl::StatusOr<Json> Parse(std::string_view text) {
  bool is_too_deep = false;
  const auto watch = [&is_too_deep](int depth, Json::parse_event_t, Json&) {
    is_too_deep |= depth > kDepthMax;
    return depth <= kDepthMax;
  };
  Json status = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (is_too_deep)
    return absl::InvalidArgumentError(
        absl::StrCat("the status has more than ", kDepthMax, " levels"));
  if (!status.is_object()) return absl::InvalidArgumentError("the status is not a JSON object");
  return status;
}

const Json& Member(const Json& object, const char* key) {
  static const Json& nothing = *new Json();
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string Text(const Json& object, const char* key) {
  const Json& value = Member(object, key);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer() || value.is_number_unsigned()) return value.dump();
  return "-";
}

std::string TextOrEmpty(const Json& object, const char* key) {
  const std::string text = Text(object, key);
  return text == "-" ? "" : text;
}

uint64_t Number(const Json& object, const char* key) {
  const Json& value = Member(object, key);
  if (value.is_number_float()) {
    const double number = value.get<double>();
    return number >= 0 && number < 0x1p64 ? static_cast<uint64_t>(number) : 0;
  }
  return value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() > 0)
             ? value.get<uint64_t>()
             : 0;
}

bool IsTrue(const Json& object, const char* key) {
  const Json& value = Member(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::vector<Json> Items(const Json& object, const char* key) {
  const Json& value = Member(object, key);
  std::vector<Json> items;
  if (!value.is_array()) return items;
  for (const Json& item : value) {
    if (item.is_object()) items.push_back(item);
  }
  return items;
}

// "shop/web.shop.svc.cluster.local:80" -> "shop/web:80": within one cluster the rest says nothing.
std::string ShortService(std::string text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return text;
  const std::string suffix = absl::StrCat(".", text.substr(0, slash), ".svc.cluster.local");
  const size_t at = text.find(suffix, slash);
  return at == text.npos ? text : text.erase(at, suffix.size());
}

void AppendSection(std::string& out, const std::string& title, const std::string& body) {
  absl::StrAppend(&out, "\n", title, "\n", body.empty() ? "  none\n" : body);
}

std::string Head(const Json& status) {
  const Json& controller = Member(status, "controller");
  const Json& proxy = Member(status, "proxy");
  const Json& config = Member(status, "config");
  TextTable table;
  table.header = {"node", absl::StrCat(Text(status, "node"), ": ",
                                       IsTrue(status, "ready") ? "ready" : "NOT READY")};
  table.rows.push_back(
      {"version", absl::StrCat(Text(status, "version"), ", Linux ", Text(status, "kernel"))});
  const std::string why = TextOrEmpty(controller, "reason");
  table.rows.push_back(
      {"controller", absl::StrCat(IsTrue(controller, "connected") ? "connected" : "NOT CONNECTED",
                                  why.empty() ? "" : ": ", why)});
  table.rows.push_back(
      {"proxy", absl::StrCat(Text(proxy, "state"), ", process ", Text(proxy, "pid"), ", ",
                             Number(proxy, "restarts"), " restarts")});
  table.rows.push_back(
      {"configuration",
       absl::StrCat("version ", Text(config, "version"), ": ", Number(config, "services"),
                    " services, ", Number(config, "workloads"), " workloads, ",
                    Number(config, "route_tables"), " route tables")});
  std::string out = table.Render("");
  for (const Json& reason : Member(status, "not_ready")) {
    if (!reason.is_string()) continue;
    for (const std::string& line : Wrapped(Printable(reason.get<std::string>()), kTextWidth - 2)) {
      absl::StrAppend(&out, "  ", line, "\n");
    }
  }
  return out;
}

std::string Acceleration(const Json& status, std::string& title) {
  const Json& acceleration = Member(status, "acceleration");
  const std::string reason = TextOrEmpty(acceleration, "reason");
  const std::string allowed = TextOrEmpty(acceleration, "kernel_allows");
  const bool has_more = !allowed.empty() && allowed != Text(acceleration, "level");
  title = absl::StrJoin(
      Wrapped(Printable(absl::StrCat(
                  "ACCELERATION: ", Text(acceleration, "level"),
                  " (asked for: ", Text(acceleration, "requested"), ")", reason.empty() ? "" : ": ",
                  reason, has_more ? "; this kernel allows " : "", has_more ? allowed : "")),
              kTextWidth - 2),
      "\n  ");
  TextTable table{.header = {"PROBE", "RESULT", "DETAIL"}, .rows = {}};
  for (const Json& probe : Items(acceleration, "probes")) {
    table.rows.push_back({Text(probe, "name"), IsTrue(probe, "passed") ? "passed" : "FAILED",
                          TextOrEmpty(probe, "detail")});
  }
  return table.rows.empty() ? "  no probe was run\n" : table.Render("  ");
}

// "off (annotation)": the level in force, and who decided it: the flag, the pod's annotation, a
// probe, or the kernel, which refused to change it.
std::string KernelPath(const Json& pod) {
  const Json& acceleration = Member(pod, "acceleration");
  const std::string level = Text(acceleration, "level");
  if (!IsTrue(pod, "captured") || level == "-") return "-";
  if (IsTrue(acceleration, "refused")) return absl::StrCat(level, " (refused)");
  const bool is_lowered = level != Text(acceleration, "requested");
  return absl::StrCat(level, " (", is_lowered ? "probe" : Text(acceleration, "requested_by"), ")");
}

// Why the pod is not served; else why the kernel path is not as asked, where that is to be mended.
std::string ReasonOf(const Json& pod) {
  const Json& acceleration = Member(pod, "acceleration");
  const std::string reason = TextOrEmpty(pod, "reason");
  const bool is_refused = IsTrue(acceleration, "refused");
  return reason.empty() && is_refused ? TextOrEmpty(acceleration, "reason") : reason;
}

std::string Pods(const Json& status) {
  TextTable table{.header = {"POD", "ADDRESSES", "CAPTURED", "KERNEL PATH", "REASON"}, .rows = {}};
  for (const Json& pod : Items(status, "pods")) {
    std::vector<std::string> addresses;
    for (const Json& address : Member(pod, "addresses")) {
      if (address.is_string()) addresses.push_back(address.get<std::string>());
    }
    table.rows.push_back({absl::StrCat(Text(pod, "namespace"), "/", Text(pod, "name")),
                          absl::StrJoin(addresses, ","), IsTrue(pod, "captured") ? "yes" : "NO",
                          KernelPath(pod), ReasonOf(pod)});
  }
  return table.Render("  ");
}

std::string Connections(const Json& status) {
  TextTable table{.header = {"PATH", ">OPENED", ">ACTIVE"}, .rows = {}};
  for (const Json& path : Items(status, "connections")) {
    table.rows.push_back({Text(path, "path"), absl::StrCat(Number(path, "opened")),
                          absl::StrCat(Number(path, "active"))});
  }
  return table.Render("  ");
}

std::string Classes(const Json& backend) {
  std::vector<std::string> parts;
  const Json& classes = Member(backend, "by_class");
  if (!classes.is_object()) return "";
  for (const auto& [name, value] : classes.items()) {
    const uint64_t count = Number(classes, name.c_str());
    if (count > 0) parts.push_back(absl::StrCat(name, " ", count));
  }
  return absl::StrJoin(parts, ", ");
}

std::string Backends(const Json& status) {
  const std::vector<Json> backends = Items(status, "backends");
  std::map<std::string, uint64_t>
      totals;  // By service and route: a share is a share of one route's requests.
  const auto key = [](const Json& backend) {
    return absl::StrCat(Text(backend, "service"), " ", Text(backend, "route"));
  };
  for (const Json& backend : backends) totals[key(backend)] += Number(backend, "requests");
  TextTable table{.header = {"SERVICE", "ROUTE", "BACKEND", ">REQUESTS", ">SHARE", "ANSWERS"},
                  .rows = {}};
  for (const Json& backend : backends) {
    const uint64_t requests = Number(backend, "requests");
    const uint64_t total = totals[key(backend)];
    char share[16] = "-";
    if (total > 0) {
      std::snprintf(share, sizeof(share), "%.1f%%",
                    100.0 * static_cast<double>(requests) / static_cast<double>(total));
    }
    const std::string route = TextOrEmpty(backend, "route");
    table.rows.push_back({ShortService(Text(backend, "service")), route.empty() ? "-" : route,
                          ShortService(Text(backend, "backend")), absl::StrCat(requests), share,
                          Classes(backend)});
  }
  return table.Render("  ");
}

// Service ports that declare no protocol, by what their connections were seen to speak.
std::string UndeclaredPorts(const Json& status) {
  TextTable table{.header = {"SERVICE", "SEEN", ">WRONG GUESSES"}, .rows = {}};
  for (const Json& port : Items(status, "undeclared_ports")) {
    std::vector<std::string> seen;
    for (const Json& name : Member(port, "seen")) {
      if (name.is_string()) seen.push_back(name.get<std::string>());
    }
    table.rows.push_back({ShortService(Text(port, "service")), absl::StrJoin(seen, ", "),
                          absl::StrCat(Number(port, "wrong_guesses"))});
  }
  return table.rows.empty() ? "" : table.Render("  ");
}

std::string Problems(const Json& status) {
  std::string out;
  for (const Json& problem : Items(status, "problems")) {
    const std::string object = TextOrEmpty(problem, "object");
    const std::string place = absl::StrCat(Text(problem, "file"), ":", Text(problem, "document"),
                                           object.empty() ? "" : " ", object);
    for (const std::string& line : Wrapped(Printable(place), kTextWidth - 2))
      absl::StrAppend(&out, "  ", line, "\n");
    TextTable table;
    table.header = {
        "field", TextOrEmpty(problem, "field").empty() ? "-" : Printable(Text(problem, "field"))};
    table.rows = {{"reason", Text(problem, "reason")}, {"mend", Text(problem, "mend")}};
    out += table.Render("      ");
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> IndentStatus(std::string_view json) {
  const absl::StatusOr<Json> status = Parse(json);
  if (!status.ok()) return status.status();
  return status->dump(2, ' ', /*ensure_ascii=*/true) + "\n";
}

absl::StatusOr<std::string> RenderStatus(std::string_view json) {
  const absl::StatusOr<Json> parsed = Parse(json);
  if (!parsed.ok()) return parsed.status();
  const Json& status = *parsed;
  std::string out = Head(status);
  std::string title;
  const std::string probes = Acceleration(status, title);
  AppendSection(out, title, probes);
  AppendSection(out, "PODS", Pods(status));
  AppendSection(out, "CONNECTIONS", Connections(status));
  AppendSection(out, "BACKENDS", Backends(status));
  if (const std::string ports = UndeclaredPorts(status); !ports.empty())
    AppendSection(out, "PORTS THAT DECLARE NO PROTOCOL", ports);
  AppendSection(out, "PROBLEMS", Problems(status));
  return out;
}

}  // namespace sluice::cli
