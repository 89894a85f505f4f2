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

struct Slot {
  uint8_t first = 0;  // Index; 0: none.
  uint8_t count = 0;  // Entries of this name, one behind the other.
};
using SlotTable = std::array<Slot, kSlotCount>;
constexpr SlotTable MakeSlots() {
  SlotTable slots{};
  for (size_t i = 0; i < kEntries.size(); ++i) {
    if (i > 0 && kEntries[i].name == kEntries[i - 1].name) continue;
    size_t slot = SlotOf(kEntries[i].name);
    while (slots[slot].first != 0) slot = (slot + 1) % kSlotCount;
    size_t end = i + 1;
    while (end < kEntries.size() && kEntries[end].name == kEntries[i].name) ++end;
    slots[slot] = {static_cast<uint8_t>(i + 1), static_cast<uint8_t>(end - i)};
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
  while (kSlots[slot].first != 0 && kEntries[kSlots[slot].first - 1u].name != name) {
    slot = (slot + 1) % kSlotCount;
  }
  const Slot found = kSlots[slot];
  for (uint32_t i = found.first; i < found.first + found.count; ++i) {
    const std::string_view known = kEntries[i - 1].value;
    if (known.size() == value.size() && known == value) return {.index = i, .has_value = true};
  }
  return {.index = found.first};
}

}  // namespace sluice::http
