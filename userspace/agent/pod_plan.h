// Which pods of this node are to be captured, and why the others are not. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "userspace/agent/resources.h"
#include "userspace/base/address.h"
#include "userspace/datapath/datapath.h"

namespace sluice::agent {

// What a namespace path leads to now.
struct NamespaceObservation {
  std::string error;  // Not empty: it cannot be used, and this is why.
  dev_t device = 0;
  ino_t inode = 0;
  uint64_t cookie = 0;
  friend bool operator==(const NamespaceObservation&, const NamespaceObservation&) = default;
};
using Observations = std::map<std::string, NamespaceObservation>;  // By path.

struct PlannedPod {
  std::string uid;
  std::string name;
  std::string namespace_name;
  std::string netns_path;
  uint64_t cookie = 0;                                 // 0: the namespace could not be looked at.
  std::vector<base::IpAddress> addresses;              // At most one of each family.
  std::string refusal;                                 // Not empty: not to be captured.
  std::optional<datapath::Acceleration> acceleration;  // The pod's own wish; else the node's.
};

// Equal in all that a capture rests on. What else differs is changed while the pod stays captured.
bool IsSameCapture(const PlannedPod& a, const PlannedPod& b);

// In the order of uid. `held` are the pods captured now by uid: where two pods want the same
// address or namespace, the one that already has it keeps it, else the first by uid gets it; never
// both, never neither.
std::vector<PlannedPod> PlanPods(const Resources& resources, const Observations& observations,
                                 const std::map<std::string, PlannedPod>& held,
                                 uint64_t home_cookie);

}  // namespace sluice::agent
