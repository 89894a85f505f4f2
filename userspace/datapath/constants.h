// Numbers that the data path and whoever prepares a pod's namespace must agree on.
#pragma once

#include <cerrno>
#include <cstdint>

namespace sluice::datapath {

// SO_MARK of a dial socket to a local pod; the reply path follows it through the rule and table
// below. Rule: `fwmark kDialMark lookup kDialTable`; table: `local default dev lo`; both for IPv4
// and IPv6. Sysctls of the namespace: net.ipv4.tcp_fwmark_accept=1,
// net.ipv4.conf.all.src_valid_mark=1, rp_filter=0 on all and lo, and fwmark_reflect=1 in net.ipv4
// and net.ipv6: without it a RST that no socket sends (nobody listens on the port) leaves by the
// interface of the pod and the dial hangs instead of being refused.
inline constexpr uint32_t kDialMark = 0x51CE;
inline constexpr uint32_t kDialTable = 5100;

// SO_RCVBUF of the proxy's sockets (accepted and dialled); the kernel doubles it. It bounds what a
// peer can send while the proxy holds it back: left alone, the kernel lets the buffer of a
// connection that was once fast grow to tcp_rmem[2]. Doubled it must be well above
// SLUICE_UNREAD_HIGH_BYTES, which counts against it.
inline constexpr int kProxyReceiveBuffer = 7 * 256 * 1024;

// What send() on an accelerated leg towards an application answers while that application has too
// much unread: no byte was taken (of a larger send: those reported), try again on a timer. Not
// EACCES: the kernel would repeat a dropped verdict for ever. A healthy TCP socket never answers
// EINVAL otherwise.
inline constexpr int kSendBusy = EINVAL;

}  // namespace sluice::datapath
