#include "userspace/agent/pod_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::agent {
namespace {

std::string SetAddresses(const istio::workload::Workload& workload, PlannedPod& pod) {
  bool has_v4 = false;
  bool has_v6 = false;
  for (const std::string& bytes : workload.addresses()) {
    const auto address = base::IpAddress::FromBytes(bytes);
    if (!address.has_value() || address->is_loopback() || address->is_unspecified()) {
      return "an address is loopback, unspecified or malformed: give the pod's own in "
             "status.podIPs";
    }
    bool& has_family = address->is_v4() ? has_v4 : has_v6;
    if (has_family) {
      return absl::StrCat("more than one IPv", address->is_v4() ? 4 : 6,
                          " address: a pod has one of each family");
    }
    has_family = true;
    pod.addresses.push_back(*address);
  }
  if (pod.addresses.empty()) return "no address: status.podIP is not set";
  return "";
}

std::optional<datapath::Acceleration> WishOf(const istio::workload::Workload& workload) {
  switch (workload.acceleration()) {
    case istio::workload::ACCELERATION_OFF:
      return datapath::Acceleration::kOff;
    case istio::workload::ACCELERATION_FULL:
      return datapath::Acceleration::kFull;
    default:  // Not said, or said by a controller that knows more than we do.
      return std::nullopt;
  }
}

std::string Fill(const Resources& resources, const discovery::v1::LocalPod& local,
                 const Observations& observations, uint64_t home_cookie, PlannedPod& pod) {
  // First, so that a refused pod's namespace is known too.
  const auto observed = observations.find(local.netns_path());
  if (observed != observations.end()) pod.cookie = observed->second.cookie;
  const istio::workload::Workload* workload = FindWorkload(resources, pod.uid);
  if (workload == nullptr) return "the controller has not told its workload";
  pod.name = workload->name();
  pod.namespace_name = workload->namespace_();
  pod.acceleration = WishOf(*workload);
  if (std::string reason = SetAddresses(*workload, pod); !reason.empty()) return reason;
  if (observed == observations.end())
    return absl::StrCat("namespace ", local.netns_path(), " was not looked at yet");
  if (!observed->second.error.empty()) return observed->second.error;
  if (observed->second.cookie == home_cookie) {
    return absl::StrCat(local.netns_path(),
                        " is the node's own network: host-network pods are not captured");
  }
  return "";
}

// Who has an address or a namespace so far.
class Claims {
 public:
  // Empty if `pod` gets everything it wants; else nothing is claimed and the text says who is in
  // the way.
  std::string Claim(const PlannedPod& pod) {
    if (const auto owner = namespaces_.find(pod.cookie); owner != namespaces_.end()) {
      return absl::StrCat("namespace ", pod.netns_path, " belongs to pod ", owner->second,
                          ": two pods cannot share one");
    }
    for (const base::IpAddress& address : pod.addresses) {
      if (const auto owner = addresses_.find(address); owner != addresses_.end()) {
        return absl::StrCat("address ", address.ToString(), " belongs to pod ", owner->second);
      }
    }
    namespaces_.emplace(pod.cookie, pod.uid);
    for (const base::IpAddress& address : pod.addresses) addresses_.emplace(address, pod.uid);
    return "";
  }

 private:
  std::map<uint64_t, std::string> namespaces_;
  std::map<base::IpAddress, std::string> addresses_;
};

}  // namespace

bool IsSameCapture(const PlannedPod& a, const PlannedPod& b) {
  const auto facts = [](const PlannedPod& pod) {
    return std::tie(pod.uid, pod.name, pod.namespace_name, pod.netns_path, pod.cookie,
                    pod.addresses, pod.refusal);
  };
  return facts(a) == facts(b);
}

std::vector<PlannedPod> PlanPods(const Resources& resources, const Observations& observations,
                                 const std::map<std::string, PlannedPod>& held,
                                 uint64_t home_cookie) {
  std::vector<PlannedPod> plan;
  for (const auto& [uid, resource] : resources.local_pods) {
    PlannedPod pod;
    pod.uid = uid;
    pod.netns_path = resource.message->netns_path();
    pod.refusal = Fill(resources, *resource.message, observations, home_cookie, pod);
    plan.push_back(std::move(pod));
  }
  Claims claims;
  std::vector<PlannedPod*> newcomers;
  for (PlannedPod& pod : plan) {
    if (!pod.refusal.empty()) continue;
    const auto found = held.find(pod.uid);
    if (found != held.end() && IsSameCapture(found->second, pod)) {
      pod.refusal = claims.Claim(pod);
    } else {
      newcomers.push_back(&pod);
    }
  }
  for (PlannedPod* pod : newcomers) pod->refusal = claims.Claim(*pod);
  return plan;
}

}  // namespace sluice::agent
