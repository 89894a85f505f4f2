// What the kernel should capture and what the proxy should hold, computed from values. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/node.pb.h"
#include "userspace/agent/resources.h"
#include "userspace/base/address.h"
#include "userspace/datapath/datapath.h"

namespace sluice::agent {

// Sorted, without doubles: each virtual address and port -> proxy, every other port of a virtual
// address -> deny, each captured pod's address -> proxy on every port. A pod's own entry wins over
// a service's for the same address.
std::vector<datapath::Destination> ComputeDesiredDestinations(
    const ResourceMap<istio::workload::Address>& addresses,
    const std::vector<base::IpAddress>& pod_addresses);

// Entries that are in both; both sorted.
std::vector<datapath::Destination> CommonDestinations(const std::vector<datapath::Destination>& a,
                                                      const std::vector<datapath::Destination>& b);

// Packets are at most 64 KiB; a part is closed when the next resource would not fit any more.
inline constexpr size_t kPacketSizeMax = 65536;
inline constexpr size_t kPartSizeMax = kPacketSizeMax - 1024;

struct ConfigParts {
  std::vector<node::v1::ToProxy>
      parts;  // Empty if `held` equals the resources. The last one has is_last.
  std::vector<std::string>
      too_large;  // Resources that fit no packet: left out, the old one is removed.
};

// The difference from what the proxy holds to `resources` (addresses and route tables), in packets
// of one version. Messages are compared by identity: the resource store keeps a message as long as
// its version stays.
ConfigParts ComputeConfigParts(const Resources& resources, const Resources& held, uint64_t version);

}  // namespace sluice::agent
