#include "userspace/model/route_table_spec.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/model/filters_spec.h"
#include "userspace/model/limits.h"
#include "userspace/model/regex.h"
#include "userspace/model/text.h"

namespace sluice::model {
namespace {

using ConditionMessages = google::protobuf::RepeatedPtrField<route::v1::KeyValueMatch>;

absl::Status Invalid(const std::string& reason) { return absl::InvalidArgumentError(reason); }

absl::Status CheckCount(const char* what, size_t count, size_t count_max) {
  if (count <= count_max) return absl::OkStatus();
  return Invalid(absl::StrCat(count, " ", what, ", at most ", count_max, " are allowed"));
}

absl::Status CheckPath(const std::string& path) {
  if (path.size() <= RouteLimits::kPathSizeMax && IsPath(path)) return absl::OkStatus();
  return Invalid(absl::StrCat("path ", Quote(path),
                              " must start with \"/\", be percent-encoded, have neither query "
                              "nor fragment, and at most ",
                              RouteLimits::kPathSizeMax, " bytes"));
}

absl::Status ParsePath(const route::v1::PathMatch& message, PathMatch& out) {
  using Kind = route::v1::PathMatch::KindCase;
  switch (message.kind_case()) {
    case Kind::KIND_NOT_SET:
      return absl::OkStatus();
    case Kind::kExact:
      out = {.kind = PathMatch::Kind::kExact, .value = message.exact()};
      return CheckPath(out.value);
    case Kind::kPrefix:
      out = {.kind = PathMatch::Kind::kPrefix, .value = message.prefix()};
      SLUICE_RETURN_IF_ERROR(CheckPath(out.value));
      if (out.value.size() == 1 || out.value.back() != '/') return absl::OkStatus();
      return Invalid(absl::StrCat("path prefix ", Quote(out.value), " must not end with \"/\""));
    case Kind::kRegex:
      out = {.kind = PathMatch::Kind::kRegex, .value = message.regex()};
      return CompileRegex(out.value).status();
  }
  return Invalid("the kind of its path match is not known");
}

absl::Status ParseCondition(const route::v1::KeyValueMatch& message, KeyValueMatch& out) {
  out.name = message.name();
  switch (message.kind_case()) {
    case route::v1::KeyValueMatch::kExact:
      out.value = message.exact();
      if (out.value.size() <= RouteLimits::kValueSizeMax && IsFieldValue(out.value))
        return absl::OkStatus();
      return Invalid(absl::StrCat("value ", Quote(out.value), " has a control byte or more than ",
                                  RouteLimits::kValueSizeMax, " bytes"));
    case route::v1::KeyValueMatch::kRegex:
      out.is_regex = true;
      out.value = message.regex();
      return CompileRegex(out.value).status();
    case route::v1::KeyValueMatch::KIND_NOT_SET:
      break;
  }
  return Invalid("neither an exact value nor a regular expression is set");
}

absl::Status ParseConditions(const ConditionMessages& messages, const char* field,
                             bool (*is_name)(std::string_view), std::vector<KeyValueMatch>& out) {
  SLUICE_RETURN_IF_ERROR(CheckCount(field, messages.size(), RouteLimits::kConditionsPerMatchMax));
  for (int i = 0; i < messages.size(); ++i) {
    const std::string where = absl::StrCat(field, "[", i, "]");
    if (!is_name(messages[i].name())) {
      return Invalid(
          absl::StrCat(where, ": name ", Quote(messages[i].name()), " is not one that can match"));
    }
    SLUICE_RETURN_IF_ERROR(base::Wrap(ParseCondition(messages[i], out.emplace_back()), where));
  }
  return absl::OkStatus();
}

bool IsHeaderName(std::string_view name) {
  return name.size() <= RouteLimits::kHeaderNameSizeMax && IsLowerToken(name);
}

bool IsQueryName(std::string_view name) {
  return !name.empty() && name.size() <= RouteLimits::kHeaderNameSizeMax && IsFieldValue(name);
}

absl::Status ParseMatch(const route::v1::HttpMatch& message, HttpMatch& out) {
  SLUICE_RETURN_IF_ERROR(ParsePath(message.path(), out.path));
  out.method = message.method();
  if (!out.method.empty() &&
      (out.method.size() > RouteLimits::kMethodSizeMax || !IsToken(out.method))) {
    return Invalid(absl::StrCat("method ", Quote(out.method), " is not a token of at most ",
                                RouteLimits::kMethodSizeMax, " bytes"));
  }
  SLUICE_RETURN_IF_ERROR(ParseConditions(message.headers(), "headers", IsHeaderName, out.headers));
  return ParseConditions(message.query_params(), "query_params", IsQueryName, out.query_params);
}

absl::Status ParseBackend(const route::v1::WeightedBackend& message, WeightedBackend& out) {
  out.weight = message.weight();
  if (out.weight > RouteLimits::kWeightMax) {
    return Invalid(absl::StrCat("weight ", out.weight, " is above ", RouteLimits::kWeightMax));
  }
  out.invalid_reason = message.invalid_reason();
  out.service_port = absl::StrCat(message.service(), ":", message.port());
  // A broken reference only has to hold its share; what it names is for people to read.
  if (out.invalid_reason.empty() && !IsServiceName(message.service())) {
    return Invalid(
        absl::StrCat("service ", Quote(message.service()), " is not \"namespace/hostname\""));
  }
  if (out.invalid_reason.empty() && !IsPort(message.port())) {
    return Invalid(absl::StrCat("port ", message.port(), " is not a port, 1 to 65535 is expected"));
  }
  return ParseFilters(message.filters(), out.filters);
}

absl::Status ParseRule(const route::v1::HttpRule& message, HttpRule& out) {
  out.route = message.route();
  out.name = message.name();
  for (const std::string* text : {&out.route, &out.name}) {
    if (!text->empty() && !IsVisible(*text, 2 * kNameSizeMax + 1)) {
      return Invalid(absl::StrCat("name ", Quote(*text), " must be visible ASCII, at most ",
                                  2 * kNameSizeMax + 1, " bytes"));
    }
  }
  // Gateway API allows durations of eleven years; 49 days and for ever are the same to a request.
  out.request_timeout_ms = static_cast<uint32_t>(
      std::min<uint64_t>(message.request_timeout_ms(), std::numeric_limits<uint32_t>::max()));
  SLUICE_RETURN_IF_ERROR(
      CheckCount("backends", message.backends_size(), RouteLimits::kBackendsPerRuleMax));
  for (int i = 0; i < message.backends_size(); ++i) {
    WeightedBackend& backend = out.backends.emplace_back();
    SLUICE_RETURN_IF_ERROR(
        base::Wrap(ParseBackend(message.backends(i), backend), absl::StrCat("backends[", i, "]")));
    out.weight_sum += backend.weight;
  }
  return ParseFilters(message.filters(), out.filters);
}

bool ReplacesPrefix(const HttpFilters& filters) {
  return filters.rewrite_path.kind == PathModifier::Kind::kReplacePrefix ||
         filters.redirect.path.kind == PathModifier::Kind::kReplacePrefix;
}

bool ReplacesPrefix(const HttpRule& rule) {
  return ReplacesPrefix(rule.filters) ||
         std::any_of(rule.backends.begin(), rule.backends.end(),
                     [](const auto& b) { return ReplacesPrefix(b.filters); });
}

bool IsServerName(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > kNameSizeMax) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

absl::Status CheckServerName(const std::string& name, RouteLayer layer) {
  if (name.empty() || (layer == RouteLayer::kTls && IsServerName(name))) return absl::OkStatus();
  return Invalid(absl::StrCat("server_name ", Quote(name), " is not a name of a TLS server"));
}

absl::Status ParseLayer(const route::v1::RouteTable& message, RouteTable& out) {
  switch (message.layer()) {
    case route::v1::HTTP:
      return absl::OkStatus();
    case route::v1::TCP:
      out.layer = RouteLayer::kTcp;
      return absl::OkStatus();
    case route::v1::TLS:
      out.layer = RouteLayer::kTls;
      return absl::OkStatus();
    default:
      return Invalid("its layer is not known");  // protobuf enums are open.
  }
}

absl::Status ParseEntry(const route::v1::HttpRouteEntry& message, const RouteTable& table,
                        RouteTable::Entry& out) {
  if (message.rule() >= table.rules.size()) {
    return Invalid(absl::StrCat("rule ", message.rule(), " does not exist, the table has ",
                                table.rules.size()));
  }
  out.rule = message.rule();
  out.server_name = message.server_name();
  SLUICE_RETURN_IF_ERROR(CheckServerName(out.server_name, table.layer));
  SLUICE_RETURN_IF_ERROR(ParseMatch(message.match(), out.match));
  const PathMatch::Kind kind = out.match.path.kind;
  const bool has_prefix = kind == PathMatch::Kind::kPrefix || kind == PathMatch::Kind::kAny;
  if (has_prefix || !ReplacesPrefix(table.rules[out.rule])) return absl::OkStatus();
  return Invalid(
      "replace_prefix_match needs a prefix match, this entry matches its path otherwise");
}

absl::Status ParseTable(const route::v1::RouteTable& message, RouteTable& out) {
  SLUICE_RETURN_IF_ERROR(ParseLayer(message, out));
  SLUICE_RETURN_IF_ERROR(CheckCount("rules", message.rules_size(), RouteLimits::kRulesMax));
  SLUICE_RETURN_IF_ERROR(CheckCount("entries", message.entries_size(), RouteLimits::kEntriesMax));
  for (int i = 0; i < message.rules_size(); ++i) {
    SLUICE_RETURN_IF_ERROR(base::Wrap(ParseRule(message.rules(i), out.rules.emplace_back()),
                                      absl::StrCat("rules[", i, "]")));
  }
  for (int i = 0; i < message.entries_size(); ++i) {
    RouteTable::Entry entry;
    SLUICE_RETURN_IF_ERROR(
        base::Wrap(ParseEntry(message.entries(i), out, entry), absl::StrCat("entries[", i, "]")));
    out.entries.push_back(std::move(entry));
  }
  return absl::OkStatus();
}

absl::Status ParseKey(std::string_view name, const route::v1::RouteTable& message,
                      RouteTableSpec& out) {
  if (!IsServiceName(message.service())) {
    return Invalid(
        absl::StrCat("service ", Quote(message.service()), " is not \"namespace/hostname\""));
  }
  if (!IsPort(message.service_port())) {
    return Invalid(absl::StrCat("service_port ", message.service_port(),
                                " is not a port, 1 to 65535 is expected"));
  }
  if (!message.client_namespace().empty() && !IsName(message.client_namespace())) {
    return Invalid(
        absl::StrCat("client_namespace ", Quote(message.client_namespace()), " is not a name"));
  }
  out.service = message.service();
  out.service_port = absl::StrCat(message.service(), ":", message.service_port());
  out.client_namespace = message.client_namespace();
  out.table.name = out.client_namespace.empty()
                       ? out.service_port
                       : absl::StrCat(out.service_port, "@", out.client_namespace);
  if (out.table.name == name) return absl::OkStatus();
  return Invalid(absl::StrCat("its fields say ", Quote(out.table.name), ", which is not its name"));
}

}  // namespace

absl::StatusOr<RouteTableSpec> ParseRouteTable(std::string_view name,
                                               const route::v1::RouteTable& message) {
  RouteTableSpec spec;
  absl::Status status = ParseKey(name, message, spec);
  if (status.ok()) status = ParseTable(message, spec.table);
  if (!status.ok()) return base::Wrap(status, absl::StrCat("route table ", Quote(name)));
  return spec;
}

}  // namespace sluice::model
