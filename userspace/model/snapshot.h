// The mesh as one node's proxy sees it: an immutable value, shared by all workers, replaced as a
// whole. Clusters and route tables that did not change are shared between successive snapshots.
// Thread: any (const after building).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "userspace/base/address.h"
#include "userspace/model/route_table.h"
#include "userspace/model/sharded_index.h"

namespace sluice::model {

// What a port speaks. kHttp1 and kHttp2 say how its endpoints are spoken to; its clients may speak
// either. kAuto: nothing is declared, the first bytes of a connection tell.
enum class Protocol : uint8_t { kTcp, kHttp1, kHttp2, kAuto };

// Index into per-worker state arrays. Stable while the endpoint's address stays in any cluster; the
// generation tells a reused index from its former owner.
struct EndpointSlot {
  uint32_t index = 0;
  uint32_t generation = 0;
  friend bool operator==(const EndpointSlot&, const EndpointSlot&) = default;
};

struct Endpoint {
  base::SocketAddress address;  // Pod address and target port.
  EndpointSlot slot;            // The same for equal addresses in different clusters.
  std::string workload_uid;
};

// The endpoints behind one Service port (or behind one workload port dialled by its own address).
// Healthy ones only.
struct Cluster {
  std::string name;  // "namespace/hostname:port", or the workload's "namespace/name:port".
  std::vector<Endpoint> endpoints;
};

struct ServicePort {
  std::string name;  // "namespace/hostname:port".
  Protocol protocol = Protocol::kTcp;
  // One endpoint per healthy workload, by its IPv4 address if it has one.
  std::shared_ptr<const Cluster> cluster;
  // The same, by its IPv6 address if it has one; null where no workload has both.
  std::shared_ptr<const Cluster> cluster_v6;
  std::shared_ptr<const RouteTable> producer_routes;  // May be null.
  absl::flat_hash_map<std::string, std::shared_ptr<const RouteTable>>
      consumer_routes;  // By client namespace.

  // The table for clients of a namespace: its consumer routes if there are any, else producer
  // routes; may be null.
  const RouteTable* RoutesFor(std::string_view client_namespace) const;
  // The endpoints for a connection that dialled `dialled`, of its family wherever a workload has
  // such an address: the server must be able to see the client's own address. Use it for routed
  // backends too.
  const std::shared_ptr<const Cluster>& ClusterFor(const base::IpAddress& dialled) const {
    return dialled.is_v4() || cluster_v6 == nullptr ? cluster : cluster_v6;
  }
};

struct WorkloadPort {
  Protocol protocol = Protocol::kTcp;
  std::shared_ptr<const Cluster>
      cluster;  // One endpoint, at the address by which the workload was found.
};

struct Workload {
  std::string uid;
  std::string name;
  std::string namespace_name;
  std::vector<base::IpAddress> addresses;
  // Ports that some Service declares as its target; any other port is plain TCP to the dialled
  // address.
  absl::flat_hash_map<uint16_t, WorkloadPort> ports;
};

class Snapshot {
 public:
  uint64_t version() const { return version_; }
  // By virtual address and Service port; null if none. The pointer lives as long as the snapshot.
  const ServicePort* FindService(const base::SocketAddress& dialled) const;
  // By "namespace/hostname:port"; null if none.
  const ServicePort* FindServiceByName(std::string_view name) const;
  // One Workload value per address: that of a dual-stack pod differs in the endpoints of its ports.
  const Workload* FindWorkload(const base::IpAddress& address) const;
  // Calls `visit(const ServicePort&)` for every Service port, in no order.
  template <typename Visitor>
  void ForEachServicePort(Visitor visit) const {
    services_by_name_.ForEach([&](const std::string&, const auto& service) { visit(*service); });
  }
  // Upper bound (exclusive) of EndpointSlot.index in this snapshot: the size of per-worker arrays.
  uint32_t endpoint_slot_count() const { return endpoint_slot_count_; }
  size_t service_count() const { return service_count_; }  // Services, not their ports.
  size_t workload_count() const { return workload_count_; }

 private:
  friend class SnapshotBuilder;
  uint64_t version_ = 0;
  uint32_t endpoint_slot_count_ = 0;
  size_t service_count_ = 0;
  size_t workload_count_ = 0;
  ShardedIndex<base::SocketAddress, ServicePort> services_;
  ShardedIndex<std::string, ServicePort> services_by_name_;
  ShardedIndex<base::IpAddress, Workload> workloads_;
};

}  // namespace sluice::model
