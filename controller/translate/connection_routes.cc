#include <algorithm>
#include <map>
#include <utility>

#include "controller/translate/internal.h"
#include "userspace/base/text.h"
#include "userspace/model/limits.h"

namespace sluice::controller {
namespace {

namespace api = sluice::route::v1;

// TCPRoutes match everything: the oldest has every connection.
void FillTcp(const Draft& draft, const std::vector<const HttpRoute*>& by_age,
             api::RouteTable& table) {
  const HttpRoute& oldest = *by_age.front();
  *table.add_rules() = MakeRule(draft, oldest, oldest.rules.front());
  table.add_entries()->set_rule(0);
  for (size_t i = 1; i < by_age.size(); ++i) {
    draft.Report(by_age[i]->meta, "spec.parentRefs",
                 base::Concat(oldest.meta.Title(), " is older and takes every connection to port ",
                              table.service_port(), "; the route is left out there"),
                 "remove one of the two, or join their backends");
  }
}

// Exact names first, then wildcards, the longest first: the most specific is met first.
bool IsMoreSpecific(const api::HttpRouteEntry& a, const api::HttpRouteEntry& b) {
  const auto rank = [](const std::string& name) {
    return name.empty() ? 2 : name.starts_with("*.") ? 1 : 0;
  };
  const std::string& x = a.server_name();
  const std::string& y = b.server_name();
  if (rank(x) != rank(y)) return rank(x) < rank(y);
  return x.size() != y.size() ? x.size() > y.size() : x < y;
}

// A name that two routes have is the older one's.
void FillTls(const Draft& draft, const std::vector<const HttpRoute*>& by_age,
             api::RouteTable& table) {
  std::map<std::string, api::HttpRouteEntry> by_name;
  for (const HttpRoute* route : by_age) {
    if (static_cast<size_t>(table.rules_size()) >= model::RouteLimits::kRulesMax) {
      draft.Report(
          route->meta, "spec.rules",
          base::Concat("port ", table.service_port(), " would have more than ",
                       model::RouteLimits::kRulesMax, " rules; the route is left out there"),
          "remove routes");
      continue;
    }
    std::vector<std::string> names = route->server_names;
    if (names.empty()) names.emplace_back();
    const auto rule = static_cast<uint32_t>(table.rules_size());
    *table.add_rules() = MakeRule(draft, *route, route->rules.front());
    for (std::string& name : names) {
      if (by_name.size() >= model::RouteLimits::kEntriesMax) break;
      api::HttpRouteEntry entry;
      entry.set_server_name(name);
      entry.set_rule(rule);
      by_name.try_emplace(std::move(name), std::move(entry));
    }
  }
  for (auto& [name, entry] : by_name) *table.add_entries() = std::move(entry);
  std::sort(table.mutable_entries()->begin(), table.mutable_entries()->end(), IsMoreSpecific);
}

}  // namespace

void FillConnectionTable(const Draft& draft, const std::vector<const HttpRoute*>& by_age,
                         RouteKind kind, api::RouteTable& table) {
  table.set_layer(kind == RouteKind::kTls ? api::TLS : api::TCP);
  if (by_age.empty()) return;
  if (kind == RouteKind::kTls)
    FillTls(draft, by_age, table);
  else
    FillTcp(draft, by_age, table);
}

}  // namespace sluice::controller
