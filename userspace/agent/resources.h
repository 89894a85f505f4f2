// Everything the controller told this node, by type and name, as parsed messages with their
// versions. A resource that cannot be used is left out alone, with a reason; the rest of its
// response is applied. Bounds: kResourceNameSizeMax, kResourcesMax per type. Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/discovery.pb.h"
#include "api/route.pb.h"
#include "api/workload.pb.h"

namespace sluice::agent {

inline constexpr size_t kResourceNameSizeMax = 1024;
inline constexpr size_t kResourcesMax = 200'000;

template <typename Message>
struct Versioned {
  std::string version;
  std::shared_ptr<const Message> message;
};
template <typename Message>
using ResourceMap =
    std::map<std::string, Versioned<Message>>;  // Ordered: all output is deterministic.

struct Resources {
  ResourceMap<istio::workload::Address> addresses;
  ResourceMap<sluice::route::v1::RouteTable> route_tables;
  ResourceMap<discovery::v1::LocalPod> local_pods;
  ResourceMap<discovery::v1::ObjectProblem> problems;
};

// The workload of a uid, or null.
const istio::workload::Workload* FindWorkload(const Resources& resources, const std::string& uid);

struct ApplyResult {
  uint32_t changed_count = 0;       // Resources put or removed; 0: nothing to do.
  std::vector<std::string> errors;  // "name: reason", one for each resource that was left out.
};

// Unknown type URLs are an error of the whole response.
ApplyResult ApplyResponse(const discovery::v1::DeltaDiscoveryResponse& response,
                          Resources& resources);

// Name -> version of one type, for initial_resource_versions. Empty for unknown types.
std::map<std::string, std::string> VersionsOfType(const Resources& resources,
                                                  const std::string& type_url);

// The whole store as one response for each type, and back: the form kept on disk.
std::vector<discovery::v1::DeltaDiscoveryResponse> ToResponses(const Resources& resources);

// Type URLs that the agent subscribes to, in the order of subscription.
const std::vector<std::string>& SubscribedTypes();

}  // namespace sluice::agent
