#include <re2/re2.h>

#include <utility>

#include "controller/store/field_reader.h"
#include "controller/store/names.h"
#include "controller/translate/internal.h"
#include "userspace/base/text.h"
#include "userspace/model/limits.h"

namespace sluice::controller {
namespace {

namespace api = sluice::route::v1;

void FillHeaders(const std::vector<model::Header>& headers,
                 google::protobuf::RepeatedPtrField<api::Header>& out) {
  for (const model::Header& header : headers) {
    api::Header& made = *out.Add();
    made.set_name(header.name);
    made.set_value(header.value);
  }
}

void FillModifier(const model::HeaderModifier& modifier, api::HeaderModifier& out) {
  FillHeaders(modifier.set, *out.mutable_set());
  FillHeaders(modifier.add, *out.mutable_add());
  for (const std::string& name : modifier.remove) out.add_remove(name);
}

// True if there is a path to change.
bool FillPath(const model::PathModifier& path, api::PathModifier& out) {
  switch (path.kind) {
    case model::PathModifier::Kind::kNone:
      return false;
    case model::PathModifier::Kind::kReplaceFull:
      out.set_replace_full_path(path.value);
      break;
    case model::PathModifier::Kind::kReplacePrefix:
      out.set_replace_prefix_match(path.value);
      break;
  }
  return true;
}

void FillRedirect(const model::RequestRedirect& redirect, api::RequestRedirect& out) {
  out.set_scheme(redirect.scheme);
  out.set_hostname(redirect.hostname);
  out.set_port(redirect.port);
  out.set_status_code(redirect.status_code);
  if (api::PathModifier path; FillPath(redirect.path, path)) *out.mutable_path() = std::move(path);
}

void FillFilters(const model::HttpFilters& filters,
                 google::protobuf::RepeatedPtrField<api::HttpFilter>& out) {
  if (!filters.request_headers.empty()) {
    FillModifier(filters.request_headers, *out.Add()->mutable_request_headers());
  }
  if (!filters.response_headers.empty()) {
    FillModifier(filters.response_headers, *out.Add()->mutable_response_headers());
  }
  api::UrlRewrite rewrite;
  rewrite.set_hostname(filters.rewrite_hostname);
  api::PathModifier path;
  const bool has_path = FillPath(filters.rewrite_path, path);
  if (has_path) *rewrite.mutable_path() = std::move(path);
  if (has_path || !filters.rewrite_hostname.empty()) {
    *out.Add()->mutable_url_rewrite() = std::move(rewrite);
  }
  if (filters.has_redirect) FillRedirect(filters.redirect, *out.Add()->mutable_redirect());
}

struct Fault {
  std::string field;
  std::string reason;
  std::string mend;
};

bool HasPort(const Service& service, uint16_t port) {
  for (const ServicePort& known : service.ports) {
    if (known.port == port) return true;
  }
  return false;
}

// Why a reference cannot be followed; empty if it can.
std::optional<Fault> FindFault(const Draft& draft, const BackendRef& backend) {
  const bool is_core = backend.group.empty() || backend.group == "core";
  if (!is_core || backend.kind != "Service") {
    return Fault{"kind",
                 base::Concat(Quoted(backend.kind), " of group ", Quoted(backend.group),
                              " is not supported as a backend"),
                 "refer to a Service"};
  }
  const std::string title = base::Concat("Service ", backend.namespace_name, "/", backend.name);
  const auto it =
      draft.store.services().find({.namespace_name = backend.namespace_name, .name = backend.name});
  if (it == draft.store.services().end()) {
    return Fault{"name", title + " does not exist", "add the Service, or name an existing one"};
  }
  if (it->second.kind == ServiceKind::kExternalName) {
    return Fault{"name", title + " is an ExternalName and has no endpoints",
                 "use a ClusterIP Service with an EndpointSlice of the external addresses"};
  }
  if (backend.port == 0) {
    return Fault{"port", "the port of the backend is missing", "write the port of the Service"};
  }
  if (!HasPort(it->second, backend.port)) {
    return Fault{"port", base::Concat(title, " has no TCP port ", backend.port),
                 "write one of its ports, or add this one to it"};
  }
  if (!backend.filters.unsupported.empty()) {
    return Fault{"filters", backend.filters.unsupported, "remove the filter"};
  }
  return std::nullopt;
}

// What becomes of what cannot be served as its rule says. `whose`: "for this backend".
std::string FateOf(const HttpRoute& route, std::string_view whose) {
  switch (route.kind) {
    case RouteKind::kGrpc:
      return base::Concat("requests ", whose, " get UNAVAILABLE");
    case RouteKind::kHttp:
      return base::Concat("requests ", whose, " get 500");
    case RouteKind::kTls:
    case RouteKind::kTcp:
      break;
  }
  return base::Concat("connections ", whose, " are reset");
}

void FillBackend(const Draft& draft, const HttpRoute& route, const RouteRule& rule,
                 const BackendRef& backend, api::WeightedBackend& out) {
  out.set_service(
      draft.ServiceName({.namespace_name = backend.namespace_name, .name = backend.name}));
  out.set_port(backend.port);
  out.set_weight(backend.weight);
  FillFilters(backend.filters.filters, *out.mutable_filters());
  if (std::optional<Fault> fault = FindFault(draft, backend); fault.has_value()) {
    out.set_invalid_reason(fault->reason);
    draft.Report(route.meta, base::Concat(backend.path, ".", fault->field),
                 base::Concat(fault->reason, "; ", FateOf(route, "for this backend")), fault->mend);
  } else if (!rule.filters.unsupported.empty()) {
    out.set_invalid_reason(rule.filters.unsupported);
  }
}

bool CheckExpression(const Draft& draft, const HttpRoute& route, const std::string& field,
                     const std::string& text) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(model::kRegexMemoryMax);  // As the node compiles it.
  const RE2 expression(text, options);
  if (expression.ok()) return true;
  draft.Report(route.meta, field,
               base::Concat(Quoted(text), " is not a regular expression: ",
                            Repaired(expression.error()), "; the route is skipped"),
               "write it in the syntax of RE2 (no look-around, no back-references)");
  return false;
}

bool CheckMatch(const Draft& draft, const HttpRoute& route, const std::string& path,
                const model::HttpMatch& match) {
  if (match.path.kind == model::PathMatch::Kind::kRegex &&
      !CheckExpression(draft, route,
                       path + (route.kind == RouteKind::kGrpc ? ".method" : ".path.value"),
                       match.path.value)) {
    return false;
  }
  for (const auto& [list, field] :
       {std::pair{&match.headers, ".headers["}, std::pair{&match.query_params, ".queryParams["}}) {
    for (size_t i = 0; i < list->size(); ++i) {
      const model::KeyValueMatch& item = (*list)[i];
      if (!item.is_regex) continue;
      if (!CheckExpression(draft, route, base::Concat(path, field, i, "].value"), item.value))
        return false;
    }
  }
  return true;
}

void FillKeyValues(const std::vector<model::KeyValueMatch>& items,
                   google::protobuf::RepeatedPtrField<api::KeyValueMatch>& out) {
  for (const model::KeyValueMatch& item : items) {
    api::KeyValueMatch& made = *out.Add();
    made.set_name(item.name);
    if (item.is_regex) {
      made.set_regex(item.value);
    } else {
      made.set_exact(item.value);
    }
  }
}

// Each by itself, to name the field, and so that none closes the group that it is put into.
bool CheckMethod(const Draft& draft, const HttpRoute& route, const std::string& path,
                 const GrpcMethodMatch& match) {
  if (!match.is_regex) return true;
  return CheckExpression(draft, route, path + ".method.service", match.service) &&
         CheckExpression(draft, route, path + ".method.method", match.method);
}

}  // namespace

bool HasOnlyGoodExpressions(const Draft& draft, const HttpRoute& route) {
  for (const RouteRule& rule : route.rules) {
    for (size_t i = 0; i < rule.matches.size(); ++i) {
      const std::string path = base::Concat(rule.path, ".matches[", i, "]");
      if (i < rule.methods.size() && !CheckMethod(draft, route, path, rule.methods[i]))
        return false;
      if (!CheckMatch(draft, route, path, rule.matches[i])) return false;
    }
  }
  return true;
}

api::HttpMatch MakeMatch(const model::HttpMatch& match) {
  api::HttpMatch out;
  switch (match.path.kind) {
    case model::PathMatch::Kind::kAny:
      break;
    case model::PathMatch::Kind::kExact:
      out.mutable_path()->set_exact(match.path.value);
      break;
    case model::PathMatch::Kind::kPrefix:
      out.mutable_path()->set_prefix(match.path.value);
      break;
    case model::PathMatch::Kind::kRegex:
      out.mutable_path()->set_regex(match.path.value);
      break;
  }
  out.set_method(match.method);
  FillKeyValues(match.headers, *out.mutable_headers());
  FillKeyValues(match.query_params, *out.mutable_query_params());
  return out;
}

api::HttpRule MakeRule(const Draft& draft, const HttpRoute& route, const RouteRule& rule) {
  api::HttpRule out;
  out.set_route(base::Concat(route.meta.namespace_name, "/", route.meta.name));
  out.set_name(rule.name);
  out.set_request_timeout_ms(rule.timeout_ms);
  for (const BackendRef& backend : rule.backends) {
    FillBackend(draft, route, rule, backend, *out.add_backends());
  }
  if (rule.filters.unsupported.empty()) {
    FillFilters(rule.filters.filters, *out.mutable_filters());
    return out;
  }
  // Nothing of the rule is done but the error, so that a filter which matters is never left out in
  // silence.
  draft.Report(route.meta, rule.filters.unsupported_path,
               base::Concat(rule.filters.unsupported, "; ", FateOf(route, "of this rule")),
               "remove the filter");
  return out;
}

}  // namespace sluice::controller
