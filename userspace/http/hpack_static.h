// The static table of HPACK (RFC 7541 appendix A), by index and by content. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http {

struct HpackEntry {
  std::string_view name;
  std::string_view value;
};

inline constexpr uint32_t kHpackStaticCount = 61;
inline constexpr uint32_t kHpackEntryOverhead = 32;  // RFC 7541 section 4.1

// Requires 1 <= index <= kHpackStaticCount.
const HpackEntry& HpackStaticEntry(uint32_t index);

struct HpackMatch {
  uint32_t index = 0;  // 0: not even the name is there.
  bool has_value = false;
};
HpackMatch FindStatic(std::string_view name, std::string_view value);

}  // namespace sluice::http
