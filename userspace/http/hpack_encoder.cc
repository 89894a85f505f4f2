#include "userspace/http/hpack_encoder.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "userspace/http/hpack_huffman.h"

namespace sluice::http {
namespace {

constexpr uint32_t kProtocolTableSize = 4096;  // RFC 9113 section 6.5.2: before any SETTINGS.

enum class Use : uint8_t { kIndex, kPlain, kNever };

// Secrets are never indexed: one connection carries requests of many users, and who can guess at a
// table can guess at what it holds (RFC 7541 section 7.1). Values that seldom come twice would only
// push out those that do.
struct Rule {
  std::string_view name;
  Use use;
};
constexpr Rule kRules[] = {
    {"authorization", Use::kNever},
    {"cookie", Use::kNever},
    {"proxy-authorization", Use::kNever},
    {"set-cookie", Use::kNever},
    {"x-api-key", Use::kNever},
    {":path", Use::kPlain},
    {"age", Use::kPlain},
    {"content-length", Use::kPlain},
    {"content-range", Use::kPlain},
    {"etag", Use::kPlain},
    {"grpc-timeout", Use::kPlain},
    {"if-modified-since", Use::kPlain},
    {"if-none-match", Use::kPlain},
    {"last-modified", Use::kPlain},
    {"location", Use::kPlain},
    {"range", Use::kPlain},
    {"traceparent", Use::kPlain},
    {"tracestate", Use::kPlain},
    {"x-b3-spanid", Use::kPlain},
    {"x-b3-traceid", Use::kPlain},
    {"x-request-id", Use::kPlain},
};

// Places of the rules by a hash of length and two characters, with linear probing; 0: none.
constexpr size_t kSlotCount = 128;
constexpr size_t SlotOf(std::string_view name) {
  const auto at = [name](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(name[i])); };
  return (name.size() * 7 + at(name.size() / 2) * 5 + at(name.size() - 1) * 3) % kSlotCount;
}
using SlotTable = std::array<uint8_t, kSlotCount>;
constexpr SlotTable MakeSlots() {
  SlotTable slots{};
  for (size_t i = 0; i < std::size(kRules); ++i) {
    size_t slot = SlotOf(kRules[i].name);
    while (slots[slot] != 0) slot = (slot + 1) % kSlotCount;
    slots[slot] = static_cast<uint8_t>(i + 1);
  }
  return slots;
}
constexpr SlotTable kSlots = MakeSlots();

Use UseOf(std::string_view name) {
  if (name.empty()) return Use::kIndex;
  for (size_t slot = SlotOf(name); kSlots[slot] != 0; slot = (slot + 1) % kSlotCount) {
    const Rule& rule = kRules[kSlots[slot] - 1u];
    if (rule.name.size() == name.size() && rule.name == name) return rule.use;
  }
  return Use::kIndex;
}

// RFC 7541 section 5.1, behind the bits that say what it is.
void PutInteger(uint8_t kind, uint32_t prefix_bits, uint32_t value, std::string& out) {
  const uint32_t mask = (1u << prefix_bits) - 1;
  if (value < mask) {
    out.push_back(static_cast<char>(kind | value));
    return;
  }
  out.push_back(static_cast<char>(kind | mask));
  for (value -= mask; value >= 0x80; value >>= 7) {
    out.push_back(static_cast<char>(value | 0x80));
  }
  out.push_back(static_cast<char>(value));
}

void PutString(std::string_view text, std::string& out) {
  const size_t coded_size = HuffmanSize(text);
  if (coded_size >= text.size()) {
    PutInteger(0x00, 7, static_cast<uint32_t>(text.size()), out);
    out.append(text);
    return;
  }
  PutInteger(0x80, 7, static_cast<uint32_t>(coded_size), out);
  const size_t begin = out.size();
  out.resize(begin + coded_size);
  HuffmanEncode(text, out.data() + begin);
}

void PutLiteral(uint8_t kind, uint32_t prefix_bits, uint32_t name_index, std::string_view name,
                std::string_view value, std::string& out) {
  PutInteger(kind, prefix_bits, name_index, out);
  if (name_index == 0) PutString(name, out);
  PutString(value, out);
}

}  // namespace

HpackEncoder::HpackEncoder(uint32_t table_size_max)
    : table_(std::min(table_size_max, kProtocolTableSize)),
      own_limit_(table_size_max),
      update_lowest_(table_.size_max()),
      is_update_due_(table_.size_max() != kProtocolTableSize) {}

void HpackEncoder::SetPeerLimit(uint32_t limit) {
  const uint32_t size = std::min(limit, own_limit_);
  if (size == table_.size_max()) return;
  update_lowest_ = is_update_due_ ? std::min(update_lowest_, size) : size;
  is_update_due_ = true;
  table_.SetSizeMax(size);
}

void HpackEncoder::Start(std::string& out) {
  if (!is_update_due_) return;
  if (update_lowest_ < table_.size_max()) PutInteger(0x20, 5, update_lowest_, out);
  PutInteger(0x20, 5, table_.size_max(), out);
  is_update_due_ = false;
}

void HpackEncoder::Add(std::string_view name, std::string_view value, HpackIndexing indexing,
                       std::string& out) {
  const Use use = indexing == HpackIndexing::kNever ? Use::kNever : UseOf(name);
  HpackMatch match = FindStatic(name, value);
  if (!match.has_value && table_.count() > 0) {
    const HpackMatch found = table_.Find(name, value);
    const uint32_t index = found.index + kHpackStaticCount;
    if (found.has_value || (found.index != 0 && match.index == 0)) {
      match = {.index = index, .has_value = found.has_value};
    }
  }
  if (match.has_value && use != Use::kNever) {
    PutInteger(0x80, 7, match.index, out);
    return;
  }
  // A field that fills most of the table would leave nothing of what others share.
  const size_t size = name.size() + value.size() + kHpackEntryOverhead;
  if (use == Use::kNever) {
    PutLiteral(0x10, 4, match.index, name, value, out);
  } else if (use == Use::kPlain || size > table_.size_max() / 2) {
    PutLiteral(0x00, 4, match.index, name, value, out);
  } else {
    PutLiteral(0x40, 6, match.index, name, value, out);
    table_.Insert(name, value);
  }
}

}  // namespace sluice::http
