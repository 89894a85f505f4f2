// C++ values to the layouts of bpf/abi and back.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "bpf/abi/abi.h"
#include "userspace/base/address.h"
#include "userspace/datapath/datapath.h"

namespace sluice::datapath {

inline sluice_address ToAbi(const base::IpAddress& address) {
  sluice_address out;
  static_assert(sizeof out.words_be == sizeof(address.bytes()));
  std::memcpy(out.words_be, address.bytes().data(), sizeof out.words_be);
  return out;
}

inline base::IpAddress FromAbi(const sluice_address& address) {
  in6_addr v6;
  std::memcpy(v6.s6_addr, address.words_be, sizeof v6.s6_addr);
  return base::IpAddress(v6);
}

inline sluice_endpoint ToAbi(const base::SocketAddress& address) {
  return {.address = ToAbi(address.ip), .port_be = htons(address.port), .pad0 = 0};
}

inline base::SocketAddress FromAbi(const sluice_endpoint& end) {
  return {.ip = FromAbi(end.address), .port = ntohs(end.port_be)};
}

inline uint32_t ToAbi(Acceleration level) {
  static_assert(static_cast<int>(Acceleration::kOff) == SLUICE_LEVEL_OFF);
  static_assert(static_cast<int>(Acceleration::kSend) == SLUICE_LEVEL_SEND);
  static_assert(static_cast<int>(Acceleration::kFull) == SLUICE_LEVEL_FULL);
  return static_cast<uint32_t>(level);
}

inline sluice_destination_key DestinationKey(const base::IpAddress& address, uint16_t port) {
  return {.address = ToAbi(address), .port_be = htons(port), .protocol = IPPROTO_TCP, .pad0 = 0};
}

}  // namespace sluice::datapath
