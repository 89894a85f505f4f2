// Numbers that the data path and whoever prepares a pod's namespace must agree on.
#pragma once

#include <cstdint>

namespace sluice::datapath {

// SO_MARK of a dial socket to a local pod; the reply path follows it through the rule and table below.
// Rule: `fwmark kDialMark lookup kDialTable`; table: `local default dev lo`; both for IPv4 and IPv6. Sysctls of
// the namespace: net.ipv4.tcp_fwmark_accept=1, net.ipv4.conf.all.src_valid_mark=1, rp_filter=0 on all and lo, and
// fwmark_reflect=1 in net.ipv4 and net.ipv6: without it a RST that no socket sends (nobody listens on the port) leaves
// by the interface of the pod and the dial hangs instead of being refused.
inline constexpr uint32_t kDialMark = 0x51CE;
inline constexpr uint32_t kDialTable = 5100;

// Listeners inside a pod's namespace (the ports that ztunnel uses).
inline constexpr uint16_t kOutboundPort = 15001;  // On loopback only.
inline constexpr uint16_t kInboundPort = 15006;   // On every address, reached through sk_lookup.

}  // namespace sluice::datapath
