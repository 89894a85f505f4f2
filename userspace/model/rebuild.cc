// Makes anew what became stale since the last build, and nothing else.
#include <algorithm>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/model/builder_state.h"

namespace sluice::model {
namespace {

bool IsSame(const Cluster& a, const Cluster& b) {
  return a.name == b.name &&
         std::equal(a.endpoints.begin(), a.endpoints.end(), b.endpoints.begin(), b.endpoints.end(),
                    [](const Endpoint& x, const Endpoint& y) {
                      return x.address == y.address && x.workload_uid == y.workload_uid;
                    });
}

bool IsSame(const ServicePort& a, const ServicePort& b) {
  return a.protocol == b.protocol && a.cluster == b.cluster && a.cluster_v6 == b.cluster_v6 &&
         a.producer_routes == b.producer_routes && a.consumer_routes == b.consumer_routes;
}

bool IsSame(const WorkloadPort& a, const WorkloadPort& b) {
  return a.protocol == b.protocol && a.cluster == b.cluster;
}

bool IsSame(const Workload& a, const Workload& b) {
  return a.name == b.name && a.namespace_name == b.namespace_name && a.addresses == b.addresses &&
         a.ports.size() == b.ports.size() &&
         std::all_of(a.ports.begin(), a.ports.end(), [&b](const auto& entry) {
           const auto other = b.ports.find(entry.first);
           return other != b.ports.end() && IsSame(entry.second, other->second);
         });
}

std::map<uint16_t, Protocol> ProtocolsOf(const BuiltPorts& ports) {
  std::map<uint16_t, Protocol> out;
  for (const auto& [number, port] : ports) out.emplace(number, port->protocol);
  return out;
}

// The first address of the wanted family, else the first of all; null if there is none.
const base::IpAddress* PreferredAddress(const WorkloadSpec& spec, bool wants_v4) {
  for (const base::IpAddress& address : spec.addresses) {
    if (address.is_v4() == wants_v4) return &address;
  }
  return spec.addresses.empty() ? nullptr : &spec.addresses.front();
}

bool IsDualStack(const WorkloadSpec& spec) {
  return std::any_of(spec.addresses.begin(), spec.addresses.end(),
                     [](const auto& a) { return a.is_v4(); }) &&
         std::any_of(spec.addresses.begin(), spec.addresses.end(),
                     [](const auto& a) { return !a.is_v4(); });
}

// Endpoints are without slots; `members` are in order of uid, so that equal resources give equal
// clusters.
Cluster GatherEndpoints(std::string name,
                        const std::vector<std::pair<const WorkloadSpec*, uint16_t>>& members,
                        bool wants_v4) {
  Cluster cluster{.name = std::move(name)};
  absl::flat_hash_set<base::SocketAddress> seen;  // Pods on the host's network share an address.
  for (const auto& [workload, target_port] : members) {
    const base::IpAddress* ip = PreferredAddress(*workload, wants_v4);
    if (ip == nullptr) continue;
    const base::SocketAddress address{.ip = *ip, .port = target_port};
    if (!seen.insert(address).second) continue;
    cluster.endpoints.push_back({.address = address, .workload_uid = workload->uid});
  }
  return cluster;
}

// What several Services say of one port of a workload.
struct DeclaredProtocols {
  bool is_http1 = false;
  bool is_http2 = false;
  bool is_tcp = false;

  void Add(Protocol protocol) {
    is_http1 |= protocol == Protocol::kHttp1;
    is_http2 |= protocol == Protocol::kHttp2;
    is_tcp |= protocol == Protocol::kTcp;
  }
  // HTTP before TCP, and TCP before what nobody declared. Where two name different versions of
  // HTTP the client's own first bytes are the better witness.
  Protocol Joined() const {
    if (is_http1 && is_http2) return Protocol::kAuto;
    if (is_http1) return Protocol::kHttp1;
    if (is_http2) return Protocol::kHttp2;
    return is_tcp ? Protocol::kTcp : Protocol::kAuto;
  }
};

}  // namespace

std::string ServicePortName(std::string_view service, uint16_t port) {
  return base::Concat(service, ":", port);
}

void SnapshotBuilder::State::Rebuild() {
  // Services first: a port that changes its protocol makes the workloads behind it stale.
  for (const std::string& name : std::exchange(stale_services, {})) RebuildService(name);
  for (const std::string& uid : std::exchange(stale_workloads, {})) RebuildWorkload(uid);
  RewriteIndexes();
  slots.Settle();
}

void SnapshotBuilder::State::RebuildService(const std::string& name) {
  const BuiltPorts before = std::exchange(built_services[name], {});
  BuiltPorts& after = built_services[name];
  const auto spec = services.find(name);
  if (spec != services.end()) {
    for (const ServiceSpec::Port& port : spec->second.ports) {
      const auto old = before.find(port.port);
      after[port.port] =
          MakeServicePort(spec->second, port, old == before.end() ? nullptr : old->second);
      if (old != before.end() && old->second == after[port.port]) continue;
      names_index.Set(ServicePortName(name, port.port), after[port.port]);
      for (const base::IpAddress& ip : spec->second.addresses)
        service_claims.Touch({.ip = ip, .port = port.port});
    }
  }
  for (const auto& [number, port] : before) {
    if (after.contains(number)) continue;
    ReleaseCluster(port->cluster);
    ReleaseCluster(port->cluster_v6);
    names_index.Erase(ServicePortName(name, number));
  }
  const auto member_set = members.find(name);
  if (member_set != members.end() && ProtocolsOf(before) != ProtocolsOf(after)) {
    stale_workloads.insert(member_set->second.begin(), member_set->second.end());
  }
  if (after.empty()) built_services.erase(name);
}

std::shared_ptr<const ServicePort> SnapshotBuilder::State::MakeServicePort(
    const ServiceSpec& spec, const ServiceSpec::Port& port,
    const std::shared_ptr<const ServicePort>& before) {
  ServicePort made{.name = ServicePortName(spec.name, port.port)};
  std::vector<std::pair<const WorkloadSpec*, uint16_t>> endpoints;
  bool is_dual_stack = false;
  const auto member_set = members.find(spec.name);
  if (member_set != members.end()) {
    for (const std::string& uid : member_set->second) {
      const WorkloadSpec& workload = workloads.at(uid);
      const auto& targets = workload.services.at(spec.name);
      const auto target = targets.find(port.port);
      if (!workload.is_healthy || target == targets.end()) continue;
      endpoints.emplace_back(&workload, target->second);
      is_dual_stack = is_dual_stack || IsDualStack(workload);
    }
  }
  made.cluster =
      MakeCluster(GatherEndpoints(made.name, endpoints, true), before ? before->cluster : nullptr);
  if (is_dual_stack) {
    made.cluster_v6 = MakeCluster(GatherEndpoints(made.name, endpoints, false),
                                  before ? before->cluster_v6 : nullptr);
  } else if (before != nullptr) {
    ReleaseCluster(before->cluster_v6);
  }
  const auto tables = routes.find(made.name);
  if (tables != routes.end()) {
    made.producer_routes = tables->second.producer;
    made.consumer_routes = tables->second.consumers;
  }
  // Who attaches an HTTP route says what the port speaks.
  const bool is_http = port.protocol == Protocol::kHttp1 || port.protocol == Protocol::kHttp2;
  made.protocol = !is_http && tables != routes.end() && tables->second.HasHttp() ? Protocol::kHttp1
                                                                                 : port.protocol;
  if (before != nullptr && IsSame(*before, made)) return before;
  return std::make_shared<const ServicePort>(std::move(made));
}

std::shared_ptr<const Cluster> SnapshotBuilder::State::MakeCluster(
    Cluster cluster, const std::shared_ptr<const Cluster>& before) {
  if (before != nullptr && IsSame(*before, cluster)) return before;
  for (Endpoint& endpoint : cluster.endpoints) endpoint.slot = slots.Acquire(endpoint.address);
  ReleaseCluster(before);
  return std::make_shared<const Cluster>(std::move(cluster));
}

void SnapshotBuilder::State::ReleaseCluster(const std::shared_ptr<const Cluster>& cluster) {
  if (cluster == nullptr) return;
  for (const Endpoint& endpoint : cluster->endpoints) slots.Release(endpoint.address);
}

void SnapshotBuilder::State::RebuildWorkload(const std::string& uid) {
  const BuiltAddresses before = std::exchange(built_workloads[uid], {});
  BuiltAddresses& after = built_workloads[uid];
  const auto spec = workloads.find(uid);
  if (spec != workloads.end()) {
    for (const base::IpAddress& address : spec->second.addresses) {
      const auto old = before.find(address);
      after[address] =
          MakeWorkload(spec->second, address, old == before.end() ? nullptr : old->second);
      if (old == before.end() || old->second != after[address]) workload_claims.Touch(address);
    }
  }
  for (const auto& [address, workload] : before) {
    if (after.contains(address)) continue;
    for (const auto& [number, port] : workload->ports) ReleaseCluster(port.cluster);
  }
  if (after.empty()) built_workloads.erase(uid);
}

std::map<uint16_t, Protocol> SnapshotBuilder::State::DeclaredPorts(const WorkloadSpec& spec) const {
  std::map<uint16_t, DeclaredProtocols> seen;
  for (const auto& [service, targets] : spec.services) {
    const auto ports = built_services.find(service);
    if (ports == built_services.end()) continue;
    for (const auto& [service_port, target_port] : targets) {
      const auto port = ports->second.find(service_port);
      if (port == ports->second.end()) continue;
      seen[target_port].Add(port->second->protocol);
    }
  }
  std::map<uint16_t, Protocol> declared;
  for (const auto& [port, protocols] : seen) declared.emplace(port, protocols.Joined());
  return declared;
}

std::shared_ptr<const Workload> SnapshotBuilder::State::MakeWorkload(
    const WorkloadSpec& spec, const base::IpAddress& address,
    const std::shared_ptr<const Workload>& before) {
  Workload made{.uid = spec.uid,
                .name = spec.name,
                .namespace_name = spec.namespace_name,
                .addresses = spec.addresses};
  for (const auto& [number, protocol] : DeclaredPorts(spec)) {
    Cluster cluster{.name = base::Concat(spec.namespace_name, "/", spec.name, ":", number)};
    cluster.endpoints.push_back(
        {.address = {.ip = address, .port = number}, .workload_uid = spec.uid});
    std::shared_ptr<const Cluster> old;
    if (before != nullptr && before->ports.contains(number)) old = before->ports.at(number).cluster;
    made.ports[number] = {.protocol = protocol, .cluster = MakeCluster(std::move(cluster), old)};
  }
  if (before == nullptr) return std::make_shared<const Workload>(std::move(made));
  for (const auto& [number, port] : before->ports) {
    if (!made.ports.contains(number)) ReleaseCluster(port.cluster);
  }
  if (IsSame(*before, made)) return before;
  return std::make_shared<const Workload>(std::move(made));
}

void SnapshotBuilder::State::RewriteIndexes() {
  for (const base::SocketAddress& address : service_claims.TakeTouched()) {
    const std::string* owner = service_claims.Owner(address);
    if (owner == nullptr) {
      services_index.Erase(address);
    } else {
      services_index.Set(address, built_services.at(*owner).at(address.port));
    }
  }
  for (const base::IpAddress& address : workload_claims.TakeTouched()) {
    const std::string* owner = workload_claims.Owner(address);
    if (owner == nullptr) {
      workloads_index.Erase(address);
    } else {
      workloads_index.Set(address, built_workloads.at(*owner).at(address));
    }
  }
}

}  // namespace sluice::model
