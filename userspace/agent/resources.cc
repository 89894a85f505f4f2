#include "userspace/agent/resources.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/base/address.h"
#include "userspace/base/type_urls.h"

namespace sluice::agent {
namespace {

using discovery::v1::DeltaDiscoveryResponse;
using discovery::v1::LocalPod;
using discovery::v1::ObjectProblem;
using istio::workload::Address;
using sluice::route::v1::RouteTable;

std::string CheckMessage(const std::string& name, const Address& address) {
  switch (address.type_case()) {
    case Address::kWorkload:
      if (address.workload().uid() != name) return "the name must be the workload's uid";
      // They are told to the proxy, in a packet of limited size, when the pod is captured.
      if (address.workload().name().size() > kResourceNameSizeMax ||
          address.workload().namespace_().size() > kResourceNameSizeMax)
        return "the workload's own name or namespace is too long";
      for (const std::string& ip : address.workload().addresses()) {
        if (!base::IpAddress::FromBytes(ip).has_value())
          return "an address must have 4 or 16 bytes";
      }
      return "";
    case Address::kService: {
      const auto& service = address.service();
      if (absl::StrCat(service.namespace_(), "/", service.hostname()) != name) {
        return "the name must be namespace/hostname";
      }
      for (const auto& ip : service.addresses()) {
        if (!base::IpAddress::FromBytes(ip.address()).has_value())
          return "an address must have 4 or 16 bytes";
      }
      return "";
    }
    case Address::TYPE_NOT_SET:
      return "neither a workload nor a service";
  }
  return "neither a workload nor a service";
}

std::string CheckMessage(const std::string&, const RouteTable& table) {
  for (const auto& entry : table.entries()) {
    if (entry.rule() >= static_cast<uint32_t>(table.rules_size()))
      return "an entry names a rule that is not there";
  }
  return "";
}

std::string CheckMessage(const std::string& name, const LocalPod& pod) {
  if (pod.workload_uid() != name) return "the name must be the workload's uid";
  if (pod.netns_path().empty() || pod.netns_path()[0] != '/') return "netns_path must be absolute";
  if (pod.netns_path().find('\0') != std::string::npos) return "netns_path holds a zero byte";
  return "";
}

std::string CheckMessage(const std::string&, const ObjectProblem&) { return ""; }

template <typename Message>
void ApplyTyped(const DeltaDiscoveryResponse& response, ResourceMap<Message>& map,
                ApplyResult& result) {
  for (const auto& resource : response.resources()) {
    auto message = std::make_shared<Message>();
    std::string reason;
    if (resource.name().empty() || resource.name().size() > kResourceNameSizeMax) {
      reason = "the name is empty or too long";
    } else if (resource.resource().type_url() != response.type_url()) {
      reason = "the type differs from the response's";
    } else if (!message->ParseFromString(resource.resource().value())) {
      reason = "the message cannot be parsed";
    } else if (map.size() >= kResourcesMax && map.count(resource.name()) == 0) {
      reason = absl::StrCat("more than ", kResourcesMax, " resources of this type");
    } else {
      reason = CheckMessage(resource.name(), *message);
    }
    if (!reason.empty()) {
      result.errors.push_back(absl::StrCat(resource.name().substr(0, 128), ": ", reason));
      continue;
    }
    Versioned<Message>& held = map[resource.name()];
    if (held.message != nullptr && held.version == resource.version() && !held.version.empty())
      continue;
    held.version = resource.version();
    held.message = std::move(message);
    ++result.changed_count;
  }
  for (const std::string& name : response.removed_resources()) {
    result.changed_count += static_cast<uint32_t>(map.erase(name));
  }
}

template <typename Message>
std::map<std::string, std::string> VersionsOf(const ResourceMap<Message>& map) {
  std::map<std::string, std::string> versions;
  for (const auto& [name, held] : map) versions.emplace(name, held.version);
  return versions;
}

template <typename Message>
DeltaDiscoveryResponse ToResponse(const ResourceMap<Message>& map, const std::string& type_url) {
  DeltaDiscoveryResponse response;
  response.set_type_url(type_url);
  for (const auto& [name, held] : map) {
    auto* resource = response.add_resources();
    resource->set_name(name);
    resource->set_version(held.version);
    resource->mutable_resource()->set_type_url(type_url);
    held.message->SerializeToString(resource->mutable_resource()->mutable_value());
  }
  return response;
}

// Calls visit(type_url, map) for the map of each type.
template <typename AnyResources, typename Visit>
void ForEachType(AnyResources& resources, Visit visit) {
  visit(std::string(base::kAddressType), resources.addresses);
  visit(std::string(base::kRouteTableType), resources.route_tables);
  visit(std::string(base::kLocalPodType), resources.local_pods);
  visit(std::string(base::kObjectProblemType), resources.problems);
}

}  // namespace

const istio::workload::Workload* FindWorkload(const Resources& resources, const std::string& uid) {
  const auto found = resources.addresses.find(uid);
  if (found == resources.addresses.end() || !found->second.message->has_workload()) return nullptr;
  return &found->second.message->workload();
}

ApplyResult ApplyResponse(const DeltaDiscoveryResponse& response, Resources& resources) {
  ApplyResult result;
  bool is_known = false;
  ForEachType(resources, [&](const std::string& type_url, auto& map) {
    if (type_url != response.type_url()) return;
    is_known = true;
    ApplyTyped(response, map, result);
  });
  if (!is_known)
    result.errors.push_back(absl::StrCat("unknown type ", response.type_url().substr(0, 128)));
  return result;
}

std::map<std::string, std::string> VersionsOfType(const Resources& resources,
                                                  const std::string& type_url) {
  std::map<std::string, std::string> versions;
  ForEachType(resources, [&](const std::string& type, const auto& map) {
    if (type == type_url) versions = VersionsOf(map);
  });
  return versions;
}

std::vector<DeltaDiscoveryResponse> ToResponses(const Resources& resources) {
  std::vector<DeltaDiscoveryResponse> responses;
  ForEachType(resources, [&](const std::string& type_url, const auto& map) {
    responses.push_back(ToResponse(map, type_url));
  });
  return responses;
}

const std::vector<std::string>& SubscribedTypes() {
  // Services and routes before pods: a pod is captured only when there is something to say about
  // its traffic.
  static const std::vector<std::string> types = {
      std::string(base::kAddressType), std::string(base::kRouteTableType),
      std::string(base::kObjectProblemType), std::string(base::kLocalPodType)};
  return types;
}

}  // namespace sluice::agent
