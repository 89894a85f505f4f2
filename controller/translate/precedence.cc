// Which match is tried first (Gateway API, HTTPRouteRule.matches):
//   exact path > regular expression > prefix; within one kind the longer value first;
//   then a method; more headers; more query parameters;
//   then the older route; namespace/name; the order of rules and matches in the route.
// The place of regular expressions is the implementation's choice. They stand before prefixes, as
// in Envoy Gateway, since a rule without matches is the prefix "/" and would otherwise hide every
// expression of the same length or less.
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

}  // namespace

bool IsTriedBefore(const RouteCandidate& a, const RouteCandidate& b) {
  const auto match_a = MatchOrder(*a.match);
  const auto match_b = MatchOrder(*b.match);
  if (match_a != match_b) return match_a < match_b;
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
