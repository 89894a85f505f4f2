// The input of a target as a row of packets: the size of each in two bytes, network order, then the
// packet. What is cut off at the end is one packet less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

inline std::vector<std::string_view> Packets(const uint8_t* data, size_t size) {
  std::vector<std::string_view> packets;
  size_t at = 0;
  while (size - at >= 2) {
    const size_t packet_size = static_cast<size_t>(data[at]) << 8 | data[at + 1];
    at += 2;
    if (size - at < packet_size) break;
    packets.emplace_back(reinterpret_cast<const char*>(data) + at, packet_size);
    at += packet_size;
  }
  return packets;
}

}  // namespace sluice::fuzz
