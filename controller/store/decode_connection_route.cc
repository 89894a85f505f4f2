#include "controller/store/decode.h"
#include "controller/store/decode_route.h"
#include "controller/store/names.h"
#include "userspace/base/address.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

// "a.example" or "*.a.example", as a ClientHello and a wildcard certificate may have it.
bool IsServerName(std::string_view name) {
  if (base::IpAddress::Parse(name).has_value()) return false;
  if (name.starts_with("*.")) name.remove_prefix(2);
  return IsDnsSubdomain(name);
}

void DecodeServerNames(FieldReader& spec, HttpRoute& route) {
  for (const std::string& text : spec.StringList("hostnames", kRouteHostnamesMax)) {
    std::string name = LowerCase(text);
    if (IsServerName(name)) {
      route.server_names.push_back(std::move(name));
      continue;
    }
    spec.Refuse("hostnames", base::Concat(Quoted(text), " is not the name of a TLS server"),
                "write a name of DNS, or *. and a name for all below it");
  }
}

RouteRule DecodeConnectionRule(FieldReader& reader, const ObjectMeta& meta, size_t index) {
  RouteRule rule{.path = reader.path()};
  rule.name = DecodeRuleName(reader, index);
  rule.matches.emplace_back();
  for (FieldReader& backend : reader.Objects("backendRefs", kRouteBackendsMax)) {
    rule.backends.push_back(DecodeBackendRef(backend, meta));
    backend.NoteUnknown();
  }
  reader.NoteUnknown();
  if (index > 0) {
    reader.report().Note(reader.path(), "is never reached: the first rule takes every connection",
                         "write a route of its own, or join the backends");
  }
  return rule;
}

}  // namespace

HttpRoute DecodeConnectionRoute(FieldReader& root, ObjectMeta meta, RouteKind kind) {
  HttpRoute route{.meta = std::move(meta), .kind = kind};
  std::optional<FieldReader> spec = DecodeRouteSpec(root, route);
  if (!spec.has_value()) return route;
  if (kind == RouteKind::kTls) DecodeServerNames(*spec, route);
  size_t index = 0;
  for (FieldReader& rule : spec->Objects("rules", kRouteRulesMax)) {
    route.rules.push_back(DecodeConnectionRule(rule, route.meta, index++));
  }
  spec->NoteUnknown();
  if (route.rules.empty()) {
    spec->Refuse("rules", "is required and missing", "add a rule with backendRefs");
  }
  return route;
}

}  // namespace sluice::controller
