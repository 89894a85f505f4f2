// A snapshot made ready for the hot path: compiled matchers, header changes and backends already
// looked up. Immutable, shared by all workers. Built by the main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "userspace/http/h1.h"
#include "userspace/model/snapshot.h"
#include "userspace/proxy/backend_names.h"
#include "userspace/proxy/port_memory.h"
#include "userspace/route/matcher.h"

namespace sluice::proxy {

struct HeaderChanges {
  std::vector<http::HeaderChange> request;
  std::vector<http::HeaderChange> response;
};

struct CompiledBackend {
  const model::ServicePort* service =
      nullptr;  // Null: the Service does not exist (now); its share gets 500.
  HeaderChanges changes;
  uint32_t stats_id = 0;
};

struct CompiledRule {
  HeaderChanges changes;
  std::vector<CompiledBackend> backends;  // Parallel to HttpRule::backends.
};

class RuntimeConfig {
 public:
  // `previous` (may be null) lends matchers of unchanged tables. `level`: how paths will come to
  // them; the same for each configuration of a process.
  static std::shared_ptr<const RuntimeConfig> Build(
      std::shared_ptr<const model::Snapshot> snapshot, const RuntimeConfig* previous,
      BackendNames& names, http::PathNormalisation level = http::PathNormalisation::kStrict);

  const model::Snapshot& snapshot() const { return *snapshot_; }
  // Null if `table` is, or if it could not be compiled.
  const route::Matcher* MatcherOf(const model::RouteTable* table) const;
  const CompiledRule& RuleOf(const model::HttpRule& rule) const;
  uint32_t DirectStatsOf(
      const model::ServicePort& service) const;  // Requests that met no route table.
  // Of a port that declares nothing, handed on from configuration to configuration; else null.
  std::shared_ptr<PortMemory> MemoryOf(const model::ServicePort& service) const;
  template <typename Visitor>  // visit(const std::string& service_port, const PortMemory&)
  void ForEachMemory(Visitor visit) const {
    for (const auto& [service, memory] : memories_) visit(service->name, *memory);
  }

 private:
  struct CompiledTable {
    std::shared_ptr<const model::RouteTable> table;
    std::shared_ptr<const route::Matcher> matcher;
  };
  void AddMemory(const model::ServicePort& service, const RuntimeConfig* previous);
  void AddTable(const model::ServicePort& service,
                const std::shared_ptr<const model::RouteTable>& table,
                const RuntimeConfig* previous, BackendNames& names);

  std::shared_ptr<const model::Snapshot> snapshot_;
  http::PathNormalisation level_ = http::PathNormalisation::kStrict;
  absl::flat_hash_map<const model::RouteTable*, CompiledTable> tables_;
  absl::flat_hash_map<const model::HttpRule*, CompiledRule> rules_;
  absl::flat_hash_map<const model::ServicePort*, uint32_t> direct_stats_;
  absl::flat_hash_map<const model::ServicePort*, std::shared_ptr<PortMemory>> memories_;
};

}  // namespace sluice::proxy
