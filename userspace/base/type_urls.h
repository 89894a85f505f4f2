// Type URLs of the resources on the discovery stream (api/discovery.proto). Shared by both of its
// ends.
#pragma once

#include <string_view>

namespace sluice::base {

inline constexpr std::string_view kAddressType = "type.googleapis.com/istio.workload.Address";
inline constexpr std::string_view kRouteTableType =
    "type.googleapis.com/sluice.route.v1.RouteTable";
inline constexpr std::string_view kLocalPodType =
    "type.googleapis.com/sluice.discovery.v1.LocalPod";
inline constexpr std::string_view kObjectProblemType =
    "type.googleapis.com/sluice.discovery.v1.ObjectProblem";

}  // namespace sluice::base
