#include <algorithm>

#include "controller/store/decode.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

// The limits of the Gateway API schema: a route that a cluster would refuse is refused here too.
constexpr size_t kParentsMax = 32;
constexpr size_t kHostnamesMax = 16;
constexpr size_t kRulesMax = 16;
constexpr size_t kBackendsMax = 16;
constexpr IntegerRange kWeightRange{.min = 0, .max = 1000000};

void CheckReference(const FieldReader& reader, const std::string& name,
                    const std::string& namespace_name) {
  if (!name.empty() && !IsDnsSubdomain(name)) {
    reader.Refuse("name", base::Concat(Quoted(name), " is not a valid name"),
                  "write the name of the object without its namespace");
  }
  if (!IsDnsLabel(namespace_name)) {
    reader.Refuse("namespace", base::Concat(Quoted(namespace_name), " is not a valid namespace"),
                  "use lower case letters, digits and '-'");
  }
}

ParentRef DecodeParent(FieldReader& reader, const ObjectMeta& meta) {
  ParentRef parent{.path = reader.path()};
  parent.group = reader.String("group");
  parent.kind = reader.String("kind").value_or("Gateway");
  parent.name = reader.RequiredString("name");
  parent.namespace_name = reader.String("namespace").value_or(meta.namespace_name);
  parent.section_name = reader.String("sectionName").value_or("");
  parent.port = static_cast<uint16_t>(reader.Integer("port", kPortRange).value_or(0));
  reader.NoteUnknown();
  CheckReference(reader, parent.name, parent.namespace_name);
  return parent;
}

BackendRef DecodeBackend(FieldReader& reader, const ObjectMeta& meta) {
  BackendRef backend{.path = reader.path()};
  backend.group = reader.String("group").value_or("");
  backend.kind = reader.String("kind").value_or("Service");
  backend.name = reader.RequiredString("name");
  backend.namespace_name = reader.String("namespace").value_or(meta.namespace_name);
  backend.port = static_cast<uint16_t>(reader.Integer("port", kPortRange).value_or(0));
  backend.weight = static_cast<uint32_t>(reader.Integer("weight", kWeightRange).value_or(1));
  backend.filters = DecodeFilters(reader);
  reader.NoteUnknown();
  CheckReference(reader, backend.name, backend.namespace_name);
  return backend;
}

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
  rule.name = reader.String("name").value_or("");
  if (rule.name.empty()) rule.name = base::Concat("rule-", index);
  if (!IsDnsSubdomain(rule.name)) {
    reader.Refuse("name", base::Concat(Quoted(rule.name), " is not a valid name"),
                  "use lower case letters, digits and '-'");
  }
  rule.matches = DecodeMatches(reader);
  rule.filters = DecodeFilters(reader);
  for (FieldReader& backend : reader.Objects("backendRefs", kBackendsMax)) {
    rule.backends.push_back(DecodeBackend(backend, meta));
  }
  DecodeTimeouts(reader, rule);
  for (const std::string_view name : {"retry", "sessionPersistence"}) {
    if (!reader.Has(name)) continue;
    reader.report().Note(reader.PathOf(name), "is not supported yet and is ignored", "remove it");
  }
  reader.NoteUnknown();
  CheckRule(reader, rule);
  return rule;
}

}  // namespace

HttpRoute DecodeHttpRoute(FieldReader& root, ObjectMeta meta) {
  HttpRoute route{.meta = std::move(meta)};
  root.Ignore({"spec", "status"});
  root.NoteUnknown();
  std::optional<FieldReader> spec = root.Object("spec");
  if (!spec.has_value()) {
    root.Refuse("spec", "is required and missing", "add spec with parentRefs and rules");
    return route;
  }
  for (FieldReader& parent : spec->Objects("parentRefs", kParentsMax)) {
    route.parents.push_back(DecodeParent(parent, route.meta));
  }
  route.has_hostnames = !spec->StringList("hostnames", kHostnamesMax).empty();
  size_t index = 0;
  for (FieldReader& rule : spec->Objects("rules", kRulesMax)) {
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
