// What SnapshotBuilder remembers between two builds: the resources, what was built of them, and
// what a change has made stale. Split by direction: put_resources.cc notes what became stale,
// rebuild.cc makes it anew. Thread: the builder's.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "userspace/model/address_spec.h"
#include "userspace/model/claims.h"
#include "userspace/model/endpoint_slots.h"
#include "userspace/model/route_table_spec.h"
#include "userspace/model/snapshot.h"
#include "userspace/model/snapshot_builder.h"

namespace sluice::model {

struct PortRoutes {
  std::shared_ptr<const RouteTable> producer;
  absl::flat_hash_map<std::string, std::shared_ptr<const RouteTable>>
      consumers;  // By client namespace.
  bool empty() const { return producer == nullptr && consumers.empty(); }
  bool HasHttp() const {
    const auto is_http = [](const RouteTable& table) { return table.layer == RouteLayer::kHttp; };
    return (producer != nullptr && is_http(*producer)) ||
           std::any_of(consumers.begin(), consumers.end(),
                       [&](const auto& entry) { return is_http(*entry.second); });
  }
};

using BuiltPorts = std::map<uint16_t, std::shared_ptr<const ServicePort>>;
using BuiltAddresses = std::map<base::IpAddress, std::shared_ptr<const Workload>>;

struct SnapshotBuilder::State {
  // Resources, by name.
  absl::flat_hash_map<std::string, ServiceSpec> services;
  absl::flat_hash_map<std::string, WorkloadSpec> workloads;
  absl::flat_hash_map<std::string, PortRoutes>
      routes;  // By "namespace/hostname:port"; no empty ones.
  absl::flat_hash_map<std::string, std::set<std::string>>
      members;  // Service name -> workload uids; no empty ones.

  // Stale since the last build.
  absl::flat_hash_set<std::string> stale_services;
  absl::flat_hash_set<std::string> stale_workloads;
  Claims<base::SocketAddress> service_claims;
  Claims<base::IpAddress> workload_claims;

  // Built. Every endpoint in here holds its slot once.
  absl::flat_hash_map<std::string, BuiltPorts> built_services;
  absl::flat_hash_map<std::string, BuiltAddresses> built_workloads;
  EndpointSlots slots;
  ShardedIndex<base::SocketAddress, ServicePort> services_index;
  ShardedIndex<std::string, ServicePort> names_index;
  ShardedIndex<base::IpAddress, Workload> workloads_index;

  // put_resources.cc
  std::string Put(ServiceSpec spec);
  std::string Put(WorkloadSpec spec);
  void Put(RouteTableSpec spec);
  void RemoveService(std::string_view name);
  void RemoveWorkload(std::string_view uid);
  void RemoveRoutes(std::string_view name);

  // rebuild.cc
  void Rebuild();
  void RebuildService(const std::string& name);
  void RebuildWorkload(const std::string& uid);
  void RewriteIndexes();
  std::shared_ptr<const ServicePort> MakeServicePort(
      const ServiceSpec& spec, const ServiceSpec::Port& port,
      const std::shared_ptr<const ServicePort>& before);
  // Endpoints take their slots here. Returns `before`, which keeps its slots, if nothing differs
  // from it.
  std::shared_ptr<const Cluster> MakeCluster(Cluster cluster,
                                             const std::shared_ptr<const Cluster>& before);
  void ReleaseCluster(const std::shared_ptr<const Cluster>& cluster);
  std::shared_ptr<const Workload> MakeWorkload(const WorkloadSpec& spec,
                                               const base::IpAddress& address,
                                               const std::shared_ptr<const Workload>& before);
  // Target port -> protocol, for the ports that a Service declares for this workload.
  std::map<uint16_t, Protocol> DeclaredPorts(const WorkloadSpec& spec) const;
};

// "namespace/hostname:port".
std::string ServicePortName(std::string_view service, uint16_t port);

}  // namespace sluice::model
