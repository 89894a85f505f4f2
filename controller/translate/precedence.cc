// Which match is tried first.
// HTTPRoute (Gateway API, HTTPRouteRule.matches):
//   exact path > regular expression > prefix; within one kind the longer value first;
//   then a method; more headers; more query parameters;
//   then the older route; namespace/name; the order of rules and matches in the route.
// GRPCRoute (GRPCRouteRule.matches):
//   exact service and method > regular expressions > the rest; within them the longer service
//   first, then the longer method; more headers; then as above.
// The routes of one table are of one kind. The place of regular expressions is the implementation's
// choice. They stand before prefixes, as in Envoy Gateway, since a rule without matches is the
// prefix "/" and would otherwise hide every expression of the same length or less.
#include <tuple>

#include "controller/translate/internal.h"

namespace sluice::controller {
namespace {

int PathRank(model::PathMatch::Kind kind) {
  switch (kind) {
    case model::PathMatch::Kind::kExact:
      return 0;
    case model::PathMatch::Kind::kRegex:
      return 1;
    case model::PathMatch::Kind::kPrefix:
      return 2;
    case model::PathMatch::Kind::kAny:
      return 3;
  }
  return 3;
}

// Smaller is earlier in every place, so what is to be large is negated.
auto MatchOrder(const model::HttpMatch& match) {
  return std::make_tuple(PathRank(match.path.kind), -static_cast<int64_t>(match.path.value.size()),
                         match.method.empty(), -static_cast<int64_t>(match.headers.size()),
                         -static_cast<int64_t>(match.query_params.size()));
}

auto GrpcOrder(const RouteCandidate& candidate) {
  const GrpcMethodMatch& method =
      candidate.route->rules[candidate.rule_index].methods[candidate.match_index];
  const bool is_full = !method.service.empty() && !method.method.empty();
  const int rank = method.is_regex ? 1 : is_full ? 0 : 2;
  return std::make_tuple(rank, -static_cast<int64_t>(method.service.size()),
                         -static_cast<int64_t>(method.method.size()),
                         -static_cast<int64_t>(candidate.match->headers.size()));
}

// Below 0: `a` is the more specific one; above 0: `b`.
int CompareMatches(const RouteCandidate& a, const RouteCandidate& b) {
  const auto compare = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (a.route->kind == RouteKind::kGrpc && b.route->kind == RouteKind::kGrpc) {
    return compare(GrpcOrder(a), GrpcOrder(b));
  }
  return compare(MatchOrder(*a.match), MatchOrder(*b.match));
}

}  // namespace

bool IsTriedBefore(const RouteCandidate& a, const RouteCandidate& b) {
  if (const int order = CompareMatches(a, b); order != 0) return order < 0;
  const ObjectMeta& meta_a = a.route->meta;
  const ObjectMeta& meta_b = b.route->meta;
  if (meta_a.created != meta_b.created) return meta_a.created < meta_b.created;
  // Compared as the text "namespace/name", as the specification says.
  const std::string name_a = meta_a.namespace_name + "/" + meta_a.name;
  const std::string name_b = meta_b.namespace_name + "/" + meta_b.name;
  if (name_a != name_b) return name_a < name_b;
  return std::tie(a.rule_index, a.match_index) < std::tie(b.rule_index, b.match_index);
}

}  // namespace sluice::controller
