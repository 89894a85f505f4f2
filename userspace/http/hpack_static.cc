#include "userspace/http/hpack_static.h"

#include <array>

#include "userspace/base/check.h"

namespace sluice::http {
namespace {

constexpr std::array<HpackEntry, kHpackStaticCount> kEntries = {{
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
}};

// First index of each name, found by a hash of length and three characters, with linear probing.
constexpr size_t kSlotCount = 256;
constexpr size_t SlotOf(std::string_view name) {
  const auto at = [name](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(name[i])); };
  return (name.size() * 7 + at(0) * 31 + at(name.size() / 2) * 5 + at(name.size() - 1) * 3) %
         kSlotCount;
}

using SlotTable = std::array<uint8_t, kSlotCount>;
constexpr SlotTable MakeSlots() {
  SlotTable slots{};
  for (size_t i = 0; i < kEntries.size(); ++i) {
    if (i > 0 && kEntries[i].name == kEntries[i - 1].name) continue;
    size_t slot = SlotOf(kEntries[i].name);
    while (slots[slot] != 0) slot = (slot + 1) % kSlotCount;
    slots[slot] = static_cast<uint8_t>(i + 1);
  }
  return slots;
}
constexpr SlotTable kSlots = MakeSlots();

}  // namespace

const HpackEntry& HpackStaticEntry(uint32_t index) {
  SLUICE_DCHECK(index >= 1 && index <= kHpackStaticCount);
  return kEntries[index - 1];
}

HpackMatch FindStatic(std::string_view name, std::string_view value) {
  if (name.empty()) return {};
  size_t slot = SlotOf(name);
  while (kSlots[slot] != 0 && kEntries[kSlots[slot] - 1u].name != name) {
    slot = (slot + 1) % kSlotCount;
  }
  const uint32_t first = kSlots[slot];
  if (first == 0) return {};
  for (uint32_t i = first; i <= kHpackStaticCount && kEntries[i - 1].name == name; ++i) {
    if (kEntries[i - 1].value == value) return {.index = i, .has_value = true};
  }
  return {.index = first};
}

}  // namespace sluice::http
