// Packets from an agent of another version or gone wrong. A pod is taken whole or not at all; the
// configuration that a history of changes ends with is the one that its survivors make by
// themselves, with every route table compiled and every look-up inside it.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/node.pb.h"
#include "tests/fuzz/packets.h"
#include "userspace/base/check.h"
#include "userspace/model/address_spec.h"
#include "userspace/model/route_table_spec.h"
#include "userspace/model/snapshot_builder.h"
#include "userspace/proxy/pod_message.h"
#include "userspace/proxy/runtime_config.h"

namespace {

using namespace sluice;
using model::Snapshot;

constexpr uint32_t kWorkers = 3;

void CheckPod(const node::v1::AddPod& message) {
  const auto count = static_cast<size_t>(message.listeners_size());
  std::vector<base::UniqueFd> fds(count);
  const auto specs = proxy::ReadAddPod(message, std::move(fds), kWorkers);
  SLUICE_CHECK(!proxy::ReadAddPod(message, std::vector<base::UniqueFd>(count + 1), kWorkers).ok());
  if (!specs.ok()) return;
  size_t listeners = 0;
  SLUICE_CHECK(specs->size() == kWorkers);
  for (const proxy::LocalPodSpec& spec : *specs) {
    listeners += spec.listeners.size();
    SLUICE_CHECK(spec.pod_id == message.pod_id() && spec.pod_id != 0);
    SLUICE_CHECK(spec.addresses.size() == static_cast<size_t>(message.addresses_size()));
  }
  SLUICE_CHECK(listeners == count);
}

// What a builder should hold, by the words of its header alone.
struct Survivors {
  std::map<std::string, istio::workload::Address> services;
  std::map<std::string, istio::workload::Address> workloads;
  std::map<std::string, route::v1::RouteTable> tables;

  void Remove(const std::string& name) {
    services.erase(name);
    workloads.erase(name);
  }
  void Put(const istio::workload::Address& address) {
    if (address.has_service()) {
      const auto& service = address.service();
      const std::string name = absl::StrCat(service.namespace_(), "/", service.hostname());
      services.erase(name);
      if (model::ParseService(service).ok()) services[name] = address;
    }
    if (address.has_workload()) {
      workloads.erase(address.workload().uid());
      if (model::ParseWorkload(address.workload()).ok())
        workloads[address.workload().uid()] = address;
    }
  }
  void Put(const node::v1::NamedRouteTable& named) {
    tables.erase(named.name());
    if (model::ParseRouteTable(named.name(), named.table()).ok())
      tables[named.name()] = named.table();
  }
  std::shared_ptr<const Snapshot> Build() const {
    model::SnapshotBuilder builder;
    for (const auto& [name, address] : workloads) builder.PutAddress(address);
    for (const auto& [name, address] : services) builder.PutAddress(address);
    for (const auto& [name, table] : tables)
      SLUICE_CHECK(builder.PutRouteTable(name, table).empty());
    return builder.Build(1);
  }
};

void Describe(const model::Cluster* cluster, std::string& out) {
  if (cluster == nullptr) return;
  absl::StrAppend(&out, " ", cluster->name);
  for (const model::Endpoint& endpoint : cluster->endpoints)
    absl::StrAppend(&out, " ", endpoint.workload_uid, "=", endpoint.address.ToString());
}

std::string Describe(const model::ServicePort* port) {
  if (port == nullptr) return "none\n";
  std::string out = absl::StrCat(port->name, " ", static_cast<int>(port->protocol));
  Describe(port->cluster.get(), out);
  Describe(port->cluster_v6.get(), out);
  std::set<std::string> tables;
  const auto add = [&tables](const model::RouteTable& table) {
    tables.insert(absl::StrCat(table.name, "/", table.rules.size(), "/", table.entries.size()));
  };
  if (port->producer_routes != nullptr) add(*port->producer_routes);
  for (const auto& [client, table] : port->consumer_routes) add(*table);
  for (const std::string& table : tables) absl::StrAppend(&out, " ", table);
  return out + "\n";
}

std::string Describe(const model::Workload* workload) {
  if (workload == nullptr) return "none\n";
  std::map<uint16_t, std::string> ports;
  for (const auto& [number, port] : workload->ports) Describe(port.cluster.get(), ports[number]);
  std::string out = absl::StrCat(workload->uid, " ", workload->name);
  for (const auto& [number, cluster] : ports) absl::StrAppend(&out, " ", number, cluster);
  return out + "\n";
}

// All that can be looked up, slots aside.
std::string Describe(const Snapshot& snapshot, const Survivors& survivors) {
  std::string out = absl::StrCat(snapshot.service_count(), " ", snapshot.workload_count(), "\n");
  std::set<std::string> ports;
  snapshot.ForEachServicePort(
      [&ports](const model::ServicePort& port) { ports.insert(Describe(&port)); });
  for (const std::string& port : ports) out += port;
  for (const auto& [name, address] : survivors.services) {
    for (const auto& virtual_address : address.service().addresses()) {
      const auto ip = base::IpAddress::FromBytes(virtual_address.address());
      for (const auto& port : address.service().ports()) {
        const auto number = static_cast<uint16_t>(port.service_port());
        out += Describe(snapshot.FindService({.ip = ip.value(), .port = number}));
      }
    }
  }
  for (const auto& [uid, address] : survivors.workloads) {
    for (const std::string& bytes : address.workload().addresses())
      out += Describe(snapshot.FindWorkload(base::IpAddress::FromBytes(bytes).value()));
  }
  return out;
}

void CheckTable(const proxy::RuntimeConfig& config, const model::RouteTable& table) {
  if (table.layer != model::RouteLayer::kHttp) return;
  const route::Matcher* matcher = config.MatcherOf(&table);
  SLUICE_CHECK(matcher != nullptr);
  for (const model::HttpRule& rule : table.rules)
    SLUICE_CHECK(config.RuleOf(rule).backends.size() == rule.backends.size());
  for (const std::string_view path : {"/", "/a/b", "/v2"}) {
    const auto result = matcher->Match({.method = "GET", .path = path, .query = "a=b"});
    if (result.rule == nullptr) continue;
    SLUICE_CHECK(result.rule >= table.rules.data() &&
                 result.rule < table.rules.data() + table.rules.size());
    SLUICE_CHECK(path.starts_with(result.matched_prefix));
  }
}

void CheckConfig(const proxy::RuntimeConfig& config) {
  config.snapshot().ForEachServicePort([&config](const model::ServicePort& port) {
    if (port.protocol == model::Protocol::kTcp) return;
    if (port.producer_routes != nullptr) CheckTable(config, *port.producer_routes);
    for (const auto& [client, table] : port.consumer_routes) CheckTable(config, *table);
    SLUICE_CHECK((config.MemoryOf(port) != nullptr) == (port.protocol == model::Protocol::kAuto));
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  model::SnapshotBuilder builder;
  proxy::BackendNames names;
  Survivors survivors;
  std::shared_ptr<const proxy::RuntimeConfig> config;
  for (const std::string_view packet : fuzz::Packets(data, size)) {
    node::v1::ToProxy message;
    if (!message.ParseFromArray(packet.data(), static_cast<int>(packet.size()))) continue;
    CheckPod(message.add_pod());
    const node::v1::ConfigDelta& delta = message.config();
    for (const std::string& name : delta.removed_addresses()) {
      builder.RemoveAddress(name);
      survivors.Remove(name);
    }
    for (const std::string& name : delta.removed_route_tables()) {
      builder.RemoveRouteTable(name);
      survivors.tables.erase(name);
    }
    for (const auto& address : delta.addresses()) {
      builder.PutAddress(address);
      survivors.Put(address);
    }
    for (const auto& named : delta.route_tables()) {
      builder.PutRouteTable(named.name(), named.table());
      survivors.Put(named);
    }
    if (!delta.is_last()) continue;
    config = proxy::RuntimeConfig::Build(builder.Build(delta.version()), config.get(), names);
    SLUICE_CHECK(Describe(config->snapshot(), survivors) ==
                 Describe(*survivors.Build(), survivors));
    CheckConfig(*config);
  }
  return 0;
}
