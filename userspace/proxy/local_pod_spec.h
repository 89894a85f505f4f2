// What a worker is told of a pod of this node. Owns the listeners' descriptors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/base/address.h"
#include "userspace/base/unique_fd.h"

namespace sluice::proxy {

struct ListenerSpec {
  bool is_inbound = false;
  base::UniqueFd fd;
};

struct LocalPodSpec {
  uint32_t pod_id = 0;
  std::string uid;
  std::string name;
  std::string namespace_name;
  std::vector<base::IpAddress> addresses;
  uint64_t netns_cookie = 0;
  bool has_more = false;                // More pods follow before anything is accepted.
  std::vector<ListenerSpec> listeners;  // This worker's.
};

}  // namespace sluice::proxy
