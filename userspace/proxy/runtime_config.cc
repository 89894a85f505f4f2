#include "userspace/proxy/runtime_config.h"

#include <utility>

#include "userspace/base/log.h"

namespace sluice::proxy {
namespace {

// Set before add before remove, as the Gateway API's implementations do.
std::vector<http::HeaderChange> ChangesOf(const model::HeaderModifier& modifier) {
  std::vector<http::HeaderChange> changes;
  for (const model::Header& header : modifier.set) {
    changes.push_back({http::HeaderChange::Kind::kSet, header.name, header.value});
  }
  for (const model::Header& header : modifier.add) {
    changes.push_back({http::HeaderChange::Kind::kAdd, header.name, header.value});
  }
  for (const std::string& name : modifier.remove) {
    changes.push_back({http::HeaderChange::Kind::kRemove, name, ""});
  }
  return changes;
}

HeaderChanges ChangesOf(const model::HttpFilters& filters) {
  return {.request = ChangesOf(filters.request_headers),
          .response = ChangesOf(filters.response_headers)};
}

}  // namespace

std::shared_ptr<const RuntimeConfig> RuntimeConfig::Build(
    std::shared_ptr<const model::Snapshot> snapshot, const RuntimeConfig* previous,
    BackendNames& names, http::PathNormalisation level) {
  auto config = std::make_shared<RuntimeConfig>();
  config->level_ = level;
  config->snapshot_ = std::move(snapshot);
  config->snapshot_->ForEachServicePort([&](const model::ServicePort& service) {
    if (service.protocol == model::Protocol::kTcp) return;
    config->direct_stats_[&service] =
        names.IdOf({.service = service.name, .route = "", .backend = service.name});
    if (service.protocol == model::Protocol::kAuto) config->AddMemory(service, previous);
    if (service.producer_routes != nullptr &&
        service.producer_routes->layer == model::RouteLayer::kHttp) {
      config->AddTable(service, service.producer_routes, previous, names);
    }
    for (const auto& [client_namespace, table] : service.consumer_routes) {
      if (table->layer == model::RouteLayer::kHttp)
        config->AddTable(service, table, previous, names);
    }
  });
  return config;
}

// By name: the port itself is made anew whenever its endpoints change.
void RuntimeConfig::AddMemory(const model::ServicePort& service, const RuntimeConfig* previous) {
  std::shared_ptr<PortMemory>& memory = memories_[&service];
  if (previous != nullptr) {
    const model::ServicePort* before = previous->snapshot().FindServiceByName(service.name);
    if (before != nullptr) memory = previous->MemoryOf(*before);
  }
  if (memory == nullptr) memory = std::make_shared<PortMemory>();
}

std::shared_ptr<PortMemory> RuntimeConfig::MemoryOf(const model::ServicePort& service) const {
  const auto found = memories_.find(&service);
  return found == memories_.end() ? nullptr : found->second;
}

void RuntimeConfig::AddTable(const model::ServicePort& service,
                             const std::shared_ptr<const model::RouteTable>& table,
                             const RuntimeConfig* previous, BackendNames& names) {
  CompiledTable& compiled = tables_[table.get()];
  compiled.table = table;
  if (previous != nullptr) {
    const auto found = previous->tables_.find(table.get());
    if (found != previous->tables_.end()) compiled.matcher = found->second.matcher;
  }
  if (compiled.matcher == nullptr) {
    auto matcher = route::Matcher::Compile(*table, level_);
    if (matcher.ok()) {
      compiled.matcher = *std::move(matcher);
    } else {
      base::LogError("route table refused",
                     {{"table", table->name}, {"reason", std::string(matcher.status().message())}});
    }
  }
  for (const model::HttpRule& rule : table->rules) {
    CompiledRule& compiled_rule = rules_[&rule];
    compiled_rule.changes = ChangesOf(rule.filters);
    for (const model::WeightedBackend& backend : rule.backends) {
      compiled_rule.backends.push_back(
          {.service = snapshot_->FindServiceByName(backend.service_port),
           .changes = ChangesOf(backend.filters),
           .stats_id = names.IdOf({service.name, rule.route, backend.service_port})});
    }
  }
}

const route::Matcher* RuntimeConfig::MatcherOf(const model::RouteTable* table) const {
  const auto found = tables_.find(table);
  return found == tables_.end() ? nullptr : found->second.matcher.get();
}

const CompiledRule& RuntimeConfig::RuleOf(const model::HttpRule& rule) const {
  return rules_.find(&rule)->second;
}

uint32_t RuntimeConfig::DirectStatsOf(const model::ServicePort& service) const {
  const auto found = direct_stats_.find(&service);
  return found == direct_stats_.end() ? kBackendStatsMax - 1 : found->second;
}

}  // namespace sluice::proxy
