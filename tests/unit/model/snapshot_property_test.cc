// Whatever the order of puts, removals and builds, an incremental builder ends with the snapshot
// that a fresh one makes of the surviving resources in another order.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/model/resources.h"
#include "userspace/model/snapshot_builder.h"

namespace sluice::model {
namespace {

constexpr int kServices = 5;
constexpr int kWorkloads = 8;
constexpr int kAddresses = 6;  // Fewer than claimants: conflicts are common.

using Random = std::mt19937_64;

int Below(Random& random, int bound) {
  return static_cast<int>(random() % static_cast<uint64_t>(bound));
}

std::string ServiceName(int i) { return absl::StrCat("ns", i % 2, "/s", i); }

istio::workload::Address RandomService(Random& random, int i) {
  ServiceText text{.name = ServiceName(i), .addresses = {}, .ports = {}};
  for (int n = Below(random, 3); n > 0; --n)
    text.addresses.push_back(absl::StrCat("10.96.0.", Below(random, 3) + 1));
  std::set<uint32_t> numbers;
  for (int n = Below(random, 4); n > 0; --n) numbers.insert(80 + Below(random, 3));
  for (const uint32_t number : numbers) {
    text.ports.emplace_back(number, static_cast<istio::workload::AppProtocol>(Below(random, 6)));
  }
  return MakeService(text);
}

istio::workload::Address RandomWorkload(Random& random, int i) {
  WorkloadText text{.uid = absl::StrCat("uid", i),
                    .addresses = {},
                    .is_healthy = Below(random, 4) > 0,
                    .targets = {}};
  for (int n = Below(random, 3); n > 0; --n) {
    const int host = Below(random, kAddresses) + 1;
    text.addresses.push_back(absl::StrCat(Below(random, 2) == 0 ? "10.0.0." : "fd00::", host));
  }
  for (int service = 0; service < kServices; ++service) {
    if (Below(random, 2) == 0) continue;
    const uint32_t port = 80 + Below(random, 3);
    text.targets.push_back(
        {.service = ServiceName(service), .service_port = port, .target_port = 8000 + port});
  }
  return MakeWorkload(text);
}

std::string Describe(const Cluster* cluster) {
  if (cluster == nullptr) return "-";
  std::string out = cluster->name;
  for (const Endpoint& endpoint : cluster->endpoints) {
    absl::StrAppend(&out, " ", endpoint.workload_uid, "=", endpoint.address.ToString());
  }
  return out;
}

std::string Describe(const ServicePort* port) {
  if (port == nullptr) return "-\n";
  std::string out =
      absl::StrCat(port->name, " protocol ", static_cast<int>(port->protocol), " ",
                   Describe(port->cluster.get()), " | ", Describe(port->cluster_v6.get()));
  for (const char* client : {"ns0", "ns1", "elsewhere"}) {
    const RouteTable* routes = port->RoutesFor(client);
    absl::StrAppend(&out, " ", client, "=",
                    routes == nullptr ? "-" : routes->rules[0].backends[0].service_port);
  }
  return out + "\n";
}

std::string Describe(const Workload* workload) {
  if (workload == nullptr) return "-\n";
  std::map<uint16_t, std::string> ports;
  for (const auto& [number, port] : workload->ports) {
    ports[number] = absl::StrCat(" protocol ", static_cast<int>(port.protocol), " ",
                                 Describe(port.cluster.get()));
  }
  std::string out = workload->uid;
  for (const auto& [number, port] : ports) absl::StrAppend(&out, port);
  return out + "\n";
}

// Everything that can be looked up, slots aside.
std::string Describe(const Snapshot& snapshot) {
  std::string out = absl::StrCat(snapshot.service_count(), " ", snapshot.workload_count(), "\n");
  for (int port = 80; port < 83; ++port) {
    for (int i = 1; i <= 3; ++i)
      out += Describe(snapshot.FindService(At(absl::StrCat("10.96.0.", i, ":", port))));
    for (int i = 0; i < kServices; ++i) {
      out += Describe(snapshot.FindServiceByName(absl::StrCat(ServiceName(i), ":", port)));
    }
  }
  for (int i = 1; i <= kAddresses; ++i) {
    out += Describe(snapshot.FindWorkload(Ip(absl::StrCat("10.0.0.", i))));
    out += Describe(snapshot.FindWorkload(Ip(absl::StrCat("fd00::", i))));
  }
  return out;
}

// Equal addresses have equal slots, different ones different slots, all below the count.
void CheckSlots(const Snapshot& snapshot) {
  std::map<base::SocketAddress, EndpointSlot> by_address;
  std::map<uint32_t, base::SocketAddress> by_index;
  const auto check = [&](const Cluster* cluster) {
    if (cluster == nullptr) return;
    for (const Endpoint& endpoint : cluster->endpoints) {
      EXPECT_LT(endpoint.slot.index, snapshot.endpoint_slot_count());
      EXPECT_EQ(by_address.emplace(endpoint.address, endpoint.slot).first->second, endpoint.slot);
      EXPECT_EQ(by_index.emplace(endpoint.slot.index, endpoint.address).first->second,
                endpoint.address);
    }
  };
  for (int port = 80; port < 83; ++port) {
    for (int i = 0; i < kServices; ++i) {
      const ServicePort* found =
          snapshot.FindServiceByName(absl::StrCat(ServiceName(i), ":", port));
      if (found == nullptr) continue;
      check(found->cluster.get());
      check(found->cluster_v6.get());
    }
  }
  for (int i = 1; i <= kAddresses; ++i) {
    for (const char* network : {"10.0.0.", "fd00::"}) {
      const Workload* workload = snapshot.FindWorkload(Ip(absl::StrCat(network, i)));
      if (workload == nullptr) continue;
      for (const auto& [number, port] : workload->ports) check(port.cluster.get());
    }
  }
}

// The resources that a builder holds, for the fresh builder.
struct Resources {
  std::map<std::string, istio::workload::Address> addresses;
  std::map<std::string, route::v1::RouteTable> tables;

  std::string FreshlyBuilt(Random& random) const {
    std::vector<const istio::workload::Address*> order;
    for (const auto& [name, address] : addresses) order.push_back(&address);
    std::shuffle(order.begin(), order.end(), random);
    SnapshotBuilder builder;
    for (const auto& [name, table] : tables) builder.PutRouteTable(name, table);
    for (const auto* address : order) builder.PutAddress(*address);
    return Describe(*builder.Build(1));
  }
};

void ChangeAddress(Random& random, SnapshotBuilder& builder, Resources& resources) {
  const bool is_service = Below(random, 2) == 0;
  const int i = Below(random, is_service ? kServices : kWorkloads);
  const std::string name = is_service ? ServiceName(i) : absl::StrCat("uid", i);
  if (Below(random, 4) == 0) {
    builder.RemoveAddress(name);
    resources.addresses.erase(name);
    return;
  }
  const auto address = is_service ? RandomService(random, i) : RandomWorkload(random, i);
  builder.PutAddress(address);
  resources.addresses.insert_or_assign(name, address);
}

void ChangeTable(Random& random, SnapshotBuilder& builder, Resources& resources) {
  const std::string service = ServiceName(Below(random, kServices));
  const uint32_t port = 80 + Below(random, 3);
  const std::string client = Below(random, 2) == 0 ? "" : absl::StrCat("ns", Below(random, 2));
  const std::string name = absl::StrCat(service, ":", port, client.empty() ? "" : "@", client);
  if (Below(random, 3) == 0) {
    builder.RemoveRouteTable(name);
    resources.tables.erase(name);
    return;
  }
  const auto table = MakeRoutes(service, port, client, ServiceName(Below(random, kServices)));
  EXPECT_EQ(builder.PutRouteTable(name, table), "");
  resources.tables.insert_or_assign(name, table);
}

TEST(SnapshotPropertyTest, AnyHistoryEndsWithWhatAFreshBuilderMakesOfTheSurvivors) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    SnapshotBuilder builder;
    Resources resources;
    for (int step = 1; step <= 60; ++step) {
      if (Below(random, 4) > 0) {
        ChangeAddress(random, builder, resources);
      } else {
        ChangeTable(random, builder, resources);
      }
      if (Below(random, 3) > 0) continue;
      const auto snapshot = builder.Build(step);
      ASSERT_EQ(Describe(*snapshot), resources.FreshlyBuilt(random));
      CheckSlots(*snapshot);
    }
  }
}

}  // namespace
}  // namespace sluice::model
