// A gRPC call is a request for the path "/service/method", so a GRPCRoute becomes matches of paths.
// What it said of service and method is kept beside them: precedence goes by their lengths.
#include <algorithm>

#include "controller/store/decode.h"
#include "controller/store/decode_route.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"
#include "userspace/model/limits.h"

namespace sluice::controller {
namespace {

constexpr size_t kNameSizeMax = 1024;  // Of a service, and of a method.

bool IsIdentifier(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

// "shop.v1.Cart", with an optional dot before it.
bool IsServiceName(std::string_view text) {
  if (text.starts_with('.')) text.remove_prefix(1);
  for (size_t dot = text.find('.'); dot != text.npos; dot = text.find('.')) {
    if (!IsIdentifier(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return IsIdentifier(text);
}

void CheckName(FieldReader& reader, std::string_view field, const std::string& name, bool is_good) {
  if (name.empty() || (is_good && name.size() <= kNameSizeMax)) return;
  reader.Refuse(field, base::Concat(Quoted(name), " can never be the ", field, " of a call"),
                field == "service" ? "write it with its package, as in shop.v1.Cart"
                                   : "write letters, digits and '_'");
}

GrpcMethodMatch DecodeMethod(FieldReader& match) {
  std::optional<FieldReader> reader = match.Object("method");
  if (!reader.has_value()) return {};
  GrpcMethodMatch out{.is_regex = DecodeIsRegex(*reader)};
  out.service = reader->String("service").value_or("");
  out.method = reader->String("method").value_or("");
  reader->NoteUnknown();
  const auto is_expression = [](std::string_view text) { return !HasControlBytes(text); };
  CheckName(*reader, "service", out.service,
            out.is_regex ? is_expression(out.service) : IsServiceName(out.service));
  CheckName(*reader, "method", out.method,
            out.is_regex ? is_expression(out.method) : IsIdentifier(out.method));
  if (out.service.empty() && out.method.empty()) {
    match.Refuse("method", "names neither a service nor a method",
                 "name one of them, or remove it to match every call");
  } else if (out.service.size() + out.method.size() + 2 > model::RouteLimits::kPathSizeMax) {
    match.Refuse("method", "is longer than a path may be", "write shorter names");
  }
  return out;
}

model::PathMatch PathOf(const GrpcMethodMatch& match) {
  using Kind = model::PathMatch::Kind;
  constexpr std::string_view kAny = "[^/]+";
  if (match.is_regex) {
    const auto part = [kAny](const std::string& text) {
      return text.empty() ? std::string(kAny) : base::Concat("(?:", text, ")");
    };
    return {.kind = Kind::kRegex,
            .value = base::Concat("/", part(match.service), "/", part(match.method))};
  }
  if (match.service.empty() && match.method.empty()) return {.kind = Kind::kPrefix, .value = "/"};
  if (match.method.empty()) {
    return {.kind = Kind::kPrefix, .value = base::Concat("/", match.service)};
  }
  if (match.service.empty()) {
    return {.kind = Kind::kRegex, .value = base::Concat("/", kAny, "/", match.method)};
  }
  return {.kind = Kind::kExact, .value = base::Concat("/", match.service, "/", match.method)};
}

void DecodeGrpcMatches(FieldReader& reader, RouteRule& rule) {
  const auto add = [&rule](GrpcMethodMatch method, std::vector<model::KeyValueMatch> headers) {
    rule.matches.push_back({.path = PathOf(method), .headers = std::move(headers)});
    rule.methods.push_back(std::move(method));
  };
  for (FieldReader& match : reader.Objects("matches", kRouteMatchesMax)) {
    GrpcMethodMatch method = DecodeMethod(match);
    add(std::move(method), DecodeHeaderMatches(match));
    match.NoteUnknown();
  }
  if (rule.matches.empty()) add({}, {});
}

RouteRule DecodeGrpcRule(FieldReader& reader, const ObjectMeta& meta, size_t index) {
  RouteRule rule{.path = reader.path()};
  rule.name = DecodeRuleName(reader, index);
  DecodeGrpcMatches(reader, rule);
  rule.filters = DecodeFilters(reader, RouteKind::kGrpc);
  rule.backends = DecodeBackends(reader, meta, RouteKind::kGrpc);
  NoteUnsupportedInRule(reader);
  reader.NoteUnknown();
  return rule;
}

}  // namespace

HttpRoute DecodeGrpcRoute(FieldReader& root, ObjectMeta meta) {
  HttpRoute route{.meta = std::move(meta), .kind = RouteKind::kGrpc};
  std::optional<FieldReader> spec = DecodeRouteSpec(root, route);
  if (!spec.has_value()) return route;
  route.has_hostnames = !spec->StringList("hostnames", kRouteHostnamesMax).empty();
  size_t index = 0;
  for (FieldReader& rule : spec->Objects("rules", kRouteRulesMax)) {
    route.rules.push_back(DecodeGrpcRule(rule, route.meta, index++));
  }
  spec->NoteUnknown();
  if (route.rules.empty()) {
    spec->report().Note(spec->PathOf("rules"), "is empty: every call to the port is refused",
                        "add a rule with backendRefs");
  }
  return route;
}

}  // namespace sluice::controller
