// Builders of resources for the tests of this room: defaults that are valid, so that a test shows
// only what matters.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/route.pb.h"
#include "api/workload.pb.h"
#include "userspace/base/address.h"

namespace sluice::model {

inline base::IpAddress Ip(std::string_view text) { return base::IpAddress::Parse(text).value(); }
inline base::SocketAddress At(std::string_view text) {
  return base::SocketAddress::Parse(text).value();
}

struct ServiceText {
  std::string name = "shop/web";  // "namespace/hostname".
  std::vector<std::string> addresses = {"10.96.0.1"};
  std::vector<std::pair<uint32_t, istio::workload::AppProtocol>> ports = {
      {80, istio::workload::TCP}};
};

inline istio::workload::Address MakeService(const ServiceText& text) {
  istio::workload::Address out;
  istio::workload::Service& service = *out.mutable_service();
  const size_t slash = text.name.find('/');
  service.set_namespace_(text.name.substr(0, slash));
  service.set_hostname(text.name.substr(slash + 1));
  for (const std::string& address : text.addresses)
    service.add_addresses()->set_address(Ip(address).ToBytes());
  for (const auto& [number, protocol] : text.ports) {
    istio::workload::Port& port = *service.add_ports();
    port.set_service_port(number);
    port.set_app_protocol(protocol);
  }
  return out;
}

struct WorkloadText {
  std::string uid = "standalone//Pod/shop/web-0";
  std::vector<std::string> addresses = {"10.0.0.1"};
  bool is_healthy = true;
  // Service, service port, target port.
  struct Target {
    std::string service = "shop/web";
    uint32_t service_port = 80;
    uint32_t target_port = 8080;
  };
  std::vector<Target> targets = {Target{}};
};

inline istio::workload::Address MakeWorkload(const WorkloadText& text) {
  istio::workload::Address out;
  istio::workload::Workload& workload = *out.mutable_workload();
  workload.set_uid(text.uid);
  workload.set_namespace_("shop");
  workload.set_name(text.uid.substr(text.uid.rfind('/') + 1));
  for (const std::string& address : text.addresses) workload.add_addresses(Ip(address).ToBytes());
  workload.set_status(text.is_healthy ? istio::workload::HEALTHY : istio::workload::UNHEALTHY);
  for (const WorkloadText::Target& target : text.targets) {
    istio::workload::Port& port = *(*workload.mutable_services())[target.service].add_ports();
    port.set_service_port(target.service_port);
    port.set_target_port(target.target_port);
  }
  return out;
}

// One rule to `backend` under prefix "/".
inline route::v1::RouteTable MakeRoutes(const std::string& service = "shop/web", uint32_t port = 80,
                                        const std::string& client_namespace = "",
                                        const std::string& backend = "shop/web") {
  route::v1::RouteTable table;
  table.set_service(service);
  table.set_service_port(port);
  table.set_client_namespace(client_namespace);
  route::v1::HttpRule& rule = *table.add_rules();
  rule.set_route("shop/split");
  rule.set_name("rule-0");
  route::v1::WeightedBackend& target = *rule.add_backends();
  target.set_service(backend);
  target.set_port(80);
  target.set_weight(1);
  table.add_entries()->mutable_match()->mutable_path()->set_prefix("/");
  return table;
}

}  // namespace sluice::model
