#include <algorithm>

#include "controller/store/decode.h"
#include "controller/store/decode_route.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

uint64_t DecodeTimeout(FieldReader& timeouts, std::string_view name) {
  const std::optional<std::string> text = timeouts.String(name);
  if (!text.has_value()) return 0;
  const std::optional<uint64_t> timeout_ms = ParseDurationMs(*text);
  // Beyond what the node can hold; and no request takes 49 days.
  if (timeout_ms.has_value() && *timeout_ms <= UINT32_MAX) return *timeout_ms;
  timeouts.Refuse(name, base::Concat(Quoted(*text), " is not a duration"),
                  "write it as 10s, 500ms or 1m30s");
  return 0;
}

// Without retries a request is one backend request, so the shorter of the two timeouts is the
// effective one.
void DecodeTimeouts(FieldReader& reader, RouteRule& rule) {
  std::optional<FieldReader> timeouts = reader.Object("timeouts");
  if (!timeouts.has_value()) return;
  const uint64_t request_ms = DecodeTimeout(*timeouts, "request");
  const uint64_t backend_ms = DecodeTimeout(*timeouts, "backendRequest");
  timeouts->NoteUnknown();
  if (request_ms != 0 && backend_ms > request_ms) {
    timeouts->Refuse("backendRequest", "is longer than timeouts.request",
                     "make it at most as long as timeouts.request");
  }
  rule.timeout_ms = backend_ms == 0 ? request_ms : backend_ms;
}

void CheckRule(const FieldReader& reader, const RouteRule& rule) {
  if (rule.filters.filters.has_redirect && !rule.backends.empty()) {
    reader.Refuse("backendRefs", "stands beside a RequestRedirect, which answers by itself",
                  "remove backendRefs, or the filter");
  }
  bool has_prefix_replacement = rule.filters.has_prefix_replacement;
  for (const BackendRef& backend : rule.backends) {
    has_prefix_replacement |= backend.filters.has_prefix_replacement;
  }
  const auto is_prefix = [](const model::HttpMatch& match) {
    return match.path.kind == model::PathMatch::Kind::kPrefix;
  };
  if (has_prefix_replacement && !std::all_of(rule.matches.begin(), rule.matches.end(), is_prefix)) {
    reader.Refuse("filters",
                  "ReplacePrefixMatch needs a rule whose matches are all of type PathPrefix",
                  "give the other matches a rule of their own, or use ReplaceFullPath");
  }
}

RouteRule DecodeRule(FieldReader& reader, const ObjectMeta& meta, size_t index) {
  RouteRule rule{.path = reader.path()};
  rule.name = DecodeRuleName(reader, index);
  rule.matches = DecodeMatches(reader);
  rule.filters = DecodeFilters(reader, RouteKind::kHttp);
  rule.backends = DecodeBackends(reader, meta, RouteKind::kHttp);
  DecodeTimeouts(reader, rule);
  NoteUnsupportedInRule(reader);
  reader.NoteUnknown();
  CheckRule(reader, rule);
  return rule;
}

}  // namespace

HttpRoute DecodeHttpRoute(FieldReader& root, ObjectMeta meta) {
  HttpRoute route{.meta = std::move(meta)};
  std::optional<FieldReader> spec = DecodeRouteSpec(root, route);
  if (!spec.has_value()) return route;
  route.has_hostnames = !spec->StringList("hostnames", kRouteHostnamesMax).empty();
  size_t index = 0;
  for (FieldReader& rule : spec->Objects("rules", kRouteRulesMax)) {
    route.rules.push_back(DecodeRule(rule, route.meta, index++));
  }
  spec->NoteUnknown();
  // The schema's default: one rule that matches everything and, having no backend, answers 500.
  if (!spec->Has("rules")) {
    RouteRule rule{.path = "spec.rules", .name = "rule-0"};
    rule.matches.push_back({.path = {.kind = model::PathMatch::Kind::kPrefix, .value = "/"}});
    route.rules.push_back(std::move(rule));
  }
  return route;
}

}  // namespace sluice::controller
