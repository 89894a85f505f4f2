// Takes resources in and notes what they make stale.
#include <utility>

#include "userspace/base/text.h"
#include "userspace/model/builder_state.h"

namespace sluice::model {
namespace {

std::vector<base::SocketAddress> VirtualAddresses(const ServiceSpec& spec) {
  std::vector<base::SocketAddress> out;
  for (const base::IpAddress& ip : spec.addresses) {
    for (const ServiceSpec::Port& port : spec.ports) out.push_back({.ip = ip, .port = port.port});
  }
  return out;
}

// The first address of `claimed` that another claimant has, as a reason; empty if there is none.
template <typename Address>
std::string LostTo(const Claims<Address>& claims, const std::vector<Address>& claimed,
                   const std::string& claimant, std::string_view kind) {
  for (const Address& address : claimed) {
    const std::string* owner = claims.Owner(address);
    if (owner == nullptr || *owner == claimant) continue;
    return base::Concat(kind, " \"", claimant, "\": address ", address.ToString(),
                        " already belongs to \"", *owner,
                        "\", whose name sorts first; give one of them another");
  }
  return "";
}

}  // namespace

std::string SnapshotBuilder::State::Put(ServiceSpec spec) {
  const std::string name = spec.name;
  const std::vector<base::SocketAddress> claimed = VirtualAddresses(spec);
  const auto found = services.find(base::ToAbsl(name));
  if (found == services.end() || found->second != spec) {
    RemoveService(name);
    for (const base::SocketAddress& address : claimed) service_claims.Add(address, name);
    services.insert_or_assign(name, std::move(spec));
    stale_services.insert(name);
  }
  return LostTo(service_claims, claimed, name, "service");
}

std::string SnapshotBuilder::State::Put(WorkloadSpec spec) {
  const std::string uid = spec.uid;
  const std::vector<base::IpAddress> claimed = spec.addresses;
  const auto found = workloads.find(base::ToAbsl(uid));
  if (found == workloads.end() || found->second != spec) {
    RemoveWorkload(uid);
    for (const base::IpAddress& address : claimed) workload_claims.Add(address, uid);
    for (const auto& [service, ports] : spec.services) {
      members[service].insert(uid);
      stale_services.insert(service);
    }
    workloads.insert_or_assign(uid, std::move(spec));
    stale_workloads.insert(uid);
  }
  return LostTo(workload_claims, claimed, uid, "workload");
}

void SnapshotBuilder::State::Put(RouteTableSpec spec) {
  PortRoutes& port = routes[spec.service_port];
  std::shared_ptr<const RouteTable>& table =
      spec.client_namespace.empty() ? port.producer : port.consumers[spec.client_namespace];
  if (table != nullptr && *table == spec.table) return;  // Matchers compiled for it stay good.
  table = std::make_shared<const RouteTable>(std::move(spec.table));
  stale_services.insert(std::move(spec.service));
}

void SnapshotBuilder::State::RemoveService(std::string_view name) {
  const auto found = services.find(base::ToAbsl(name));
  if (found == services.end()) return;
  for (const base::SocketAddress& address : VirtualAddresses(found->second)) {
    service_claims.Remove(address, found->first);
  }
  stale_services.insert(found->first);
  services.erase(found);
}

void SnapshotBuilder::State::RemoveWorkload(std::string_view uid) {
  const auto found = workloads.find(base::ToAbsl(uid));
  if (found == workloads.end()) return;
  for (const base::IpAddress& address : found->second.addresses)
    workload_claims.Remove(address, found->first);
  for (const auto& [service, ports] : found->second.services) {
    const auto member_set = members.find(service);
    member_set->second.erase(found->first);
    if (member_set->second.empty()) members.erase(member_set);
    stale_services.insert(service);
  }
  stale_workloads.insert(found->first);
  workloads.erase(found);
}

void SnapshotBuilder::State::RemoveRoutes(std::string_view name) {
  const std::string_view service_port = name.substr(0, name.find('@'));
  const auto found = routes.find(base::ToAbsl(service_port));
  if (found == routes.end()) return;
  if (service_port.size() == name.size()) {
    found->second.producer = nullptr;
  } else {
    found->second.consumers.erase(base::ToAbsl(name.substr(service_port.size() + 1)));
  }
  if (found->second.empty()) routes.erase(found);
  stale_services.insert(std::string(service_port.substr(0, service_port.rfind(':'))));
}

}  // namespace sluice::model
