#include "userspace/agent/desired_state.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace sluice::agent {
namespace {

using datapath::Destination;
using datapath::FlowPath;
using node::v1::ConfigDelta;
using node::v1::ToProxy;

constexpr uint32_t kPortMax = 65535;

void AddService(const istio::workload::Service& service,
                const std::set<base::IpAddress>& pod_addresses,
                std::vector<Destination>& destinations) {
  for (const auto& network_address : service.addresses()) {
    const auto address = base::IpAddress::FromBytes(network_address.address());
    if (!address.has_value() || address->is_unspecified() || address->is_loopback()) continue;
    if (pod_addresses.contains(*address)) continue;
    for (const auto& port : service.ports()) {
      if (port.service_port() == 0 || port.service_port() > kPortMax) continue;
      destinations.push_back(
          {*address, static_cast<uint16_t>(port.service_port()), FlowPath::kProxy});
    }
    // A port that the service does not have is refused, as kube-proxy does: a virtual address leads
    // nowhere.
    destinations.push_back({*address, 0, FlowPath::kDeny});
  }
}

// Fills packets one resource at a time.
class PartWriter {
 public:
  explicit PartWriter(uint64_t version) : version_(version) {}

  // `size` is that of the entry on the wire; `add` puts it into the open part.
  template <typename Add>
  bool Put(size_t size, Add add) {
    // Tag and length of the entry itself take at most this much more.
    constexpr size_t kEntryHeadSizeMax = 12;
    if (size + kEntryHeadSizeMax > kPartSizeMax) return false;
    if (parts_.empty() || part_size_ + size + kEntryHeadSizeMax > kPartSizeMax) Open();
    part_size_ += size + kEntryHeadSizeMax;
    add(*parts_.back().mutable_config());
    return true;
  }

  std::vector<ToProxy> Finish() && {
    if (!parts_.empty()) parts_.back().mutable_config()->set_is_last(true);
    return std::move(parts_);
  }

 private:
  void Open() {
    parts_.emplace_back().mutable_config()->set_version(version_);
    part_size_ = 0;
  }

  uint64_t version_;
  std::vector<ToProxy> parts_;
  size_t part_size_ = 0;
};

// Names in `held` that `map` no longer has.
template <typename Message, typename Put>
void ForEachRemoved(const ResourceMap<Message>& held, const ResourceMap<Message>& map, Put put) {
  for (const auto& [name, resource] : held) {
    if (map.find(name) == map.end()) put(name);
  }
}

template <typename Message, typename Put>
void ForEachChanged(const ResourceMap<Message>& held, const ResourceMap<Message>& map, Put put) {
  for (const auto& [name, resource] : map) {
    const auto found = held.find(name);
    if (found == held.end() || found->second.message != resource.message)
      put(name, *resource.message);
  }
}

}  // namespace

std::vector<Destination> ComputeDesiredDestinations(
    const ResourceMap<istio::workload::Address>& addresses,
    const std::vector<base::IpAddress>& pod_addresses) {
  const std::set<base::IpAddress> pods(pod_addresses.begin(), pod_addresses.end());
  std::vector<Destination> destinations;
  for (const base::IpAddress& address : pods)
    destinations.push_back({address, 0, FlowPath::kProxy});
  for (const auto& [name, resource] : addresses) {
    if (resource.message->has_service())
      AddService(resource.message->service(), pods, destinations);
  }
  std::sort(destinations.begin(), destinations.end());
  // Two services with one address and port: one entry; the proxy decides which of them it is.
  destinations.erase(std::unique(destinations.begin(), destinations.end()), destinations.end());
  return destinations;
}

std::vector<Destination> CommonDestinations(const std::vector<Destination>& a,
                                            const std::vector<Destination>& b) {
  std::vector<Destination> common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
  return common;
}

ConfigParts ComputeConfigParts(const Resources& resources, const Resources& held,
                               uint64_t version) {
  PartWriter writer(version);
  ConfigParts result;
  ForEachRemoved(held.addresses, resources.addresses, [&](const std::string& name) {
    writer.Put(name.size(), [&](ConfigDelta& part) { part.add_removed_addresses(name); });
  });
  ForEachRemoved(held.route_tables, resources.route_tables, [&](const std::string& name) {
    writer.Put(name.size(), [&](ConfigDelta& part) { part.add_removed_route_tables(name); });
  });
  ForEachChanged(
      held.addresses, resources.addresses, [&](const std::string& name, const auto& message) {
        if (writer.Put(message.ByteSizeLong(),
                       [&](ConfigDelta& part) { *part.add_addresses() = message; }))
          return;
        result.too_large.push_back(name);
        writer.Put(name.size(), [&](ConfigDelta& part) { part.add_removed_addresses(name); });
      });
  ForEachChanged(
      held.route_tables, resources.route_tables, [&](const std::string& name, const auto& message) {
        node::v1::NamedRouteTable named;
        named.set_name(name);
        *named.mutable_table() = message;
        if (writer.Put(named.ByteSizeLong(),
                       [&](ConfigDelta& part) { *part.add_route_tables() = named; }))
          return;
        result.too_large.push_back(name);
        writer.Put(name.size(), [&](ConfigDelta& part) { part.add_removed_route_tables(name); });
      });
  result.parts = std::move(writer).Finish();
  return result;
}

}  // namespace sluice::agent
