// Short ways to make the agent's inputs in tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/discovery.pb.h"
#include "userspace/agent/resources.h"
#include "userspace/base/address.h"
#include "userspace/base/type_urls.h"

namespace sluice::agent {

inline base::IpAddress Ip(const std::string& text) { return base::IpAddress::Parse(text).value(); }

inline istio::workload::Address WorkloadOf(const std::string& uid,
                                           const std::vector<std::string>& addresses) {
  istio::workload::Address address;
  address.mutable_workload()->set_uid(uid);
  address.mutable_workload()->set_name(absl::StrCat("name-of-", uid));
  address.mutable_workload()->set_namespace_("shop");
  for (const std::string& text : addresses)
    address.mutable_workload()->add_addresses(Ip(text).ToBytes());
  return address;
}

inline istio::workload::Address ServiceOf(const std::string& name,
                                          const std::vector<std::string>& addresses,
                                          const std::vector<uint32_t>& ports) {
  istio::workload::Address address;
  auto& service = *address.mutable_service();
  service.set_name(name);
  service.set_namespace_("shop");
  service.set_hostname(absl::StrCat(name, ".shop.svc.cluster.local"));
  for (const std::string& text : addresses)
    service.add_addresses()->set_address(Ip(text).ToBytes());
  for (const uint32_t port : ports) service.add_ports()->set_service_port(port);
  return address;
}

inline std::string ServiceKey(const std::string& name) {
  return absl::StrCat("shop/", name, ".shop.svc.cluster.local");
}

template <typename Message>
void PutResource(ResourceMap<Message>& map, const std::string& name, const Message& message) {
  map[name] = {"v", std::make_shared<const Message>(message)};
}

inline void PutLocalPod(Resources& resources, const std::string& uid, const std::string& path) {
  discovery::v1::LocalPod pod;
  pod.set_workload_uid(uid);
  pod.set_netns_path(path);
  PutResource(resources.local_pods, uid, pod);
}

// A pod with its workload.
inline void PutPod(Resources& resources, const std::string& uid, const std::string& path,
                   const std::vector<std::string>& addresses) {
  PutLocalPod(resources, uid, path);
  PutResource(resources.addresses, uid, WorkloadOf(uid, addresses));
}

inline discovery::v1::DeltaDiscoveryResponse ResponseWith(std::string_view type_url,
                                                          const std::string& name,
                                                          const std::string& version,
                                                          const std::string& value) {
  discovery::v1::DeltaDiscoveryResponse response;
  response.set_type_url(std::string(type_url));
  auto* resource = response.add_resources();
  resource->set_name(name);
  resource->set_version(version);
  resource->mutable_resource()->set_type_url(std::string(type_url));
  resource->mutable_resource()->set_value(value);
  return response;
}

}  // namespace sluice::agent
