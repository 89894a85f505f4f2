// The mesh's own ports inside a pod's namespace, those that ztunnel uses.
#pragma once

#include <cstdint>

namespace sluice::base {

inline constexpr uint16_t kOutboundPort = 15001;  // On loopback only.
inline constexpr uint16_t kInboundPort = 15006;   // On every address, reached through sk_lookup.

// A connection to them that was not captured, or an endpoint there, would be a loop.
constexpr bool IsMeshPort(uint32_t port) { return port == kOutboundPort || port == kInboundPort; }

}  // namespace sluice::base
