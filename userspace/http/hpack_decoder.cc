// Representations (RFC 7541 section 6), told apart by the first bits of a byte:
//
//   1.......  indexed field
//   01......  literal, added to the table
//   001.....  table size update, only before the first field
//   0001....  literal, never indexed
//   0000....  literal, not added
#include "userspace/http/hpack_decoder.h"

#include <cstring>

#include "userspace/base/check.h"
#include "userspace/http/hpack_huffman.h"

namespace sluice::http {
namespace {

constexpr uint32_t kIndexedBits = 7;
constexpr uint32_t kLiteralIndexedBits = 6;
constexpr uint32_t kSizeUpdateBits = 5;
constexpr uint32_t kLiteralBits = 4;
constexpr uint32_t kStringBits = 7;

}  // namespace

void HpackDecoder::SetTableSizeLimit(uint32_t limit) {
  table_size_limit_ = limit;
  // RFC 7541 section 4.2: the next block begins with an update if the table has to shrink.
  if (table_.size_max() > limit) is_update_due_ = true;
}

void HpackDecoder::Start(std::string_view block) {
  block_ = block;
  next_ = 0;
  fault_ = HpackFault::kNone;
}

HpackStatus HpackDecoder::Refuse(HpackFault fault) {
  fault_ = fault;
  return HpackStatus::kBad;
}

// RFC 7541 section 5.1. Any number of leading zero groups is refused with the fifth.
bool HpackDecoder::TakeInteger(uint32_t prefix_bits, uint32_t* value) {
  const uint32_t mask = (1u << prefix_bits) - 1;
  uint64_t sum = static_cast<uint8_t>(block_[next_++]) & mask;
  if (sum == mask) {
    for (uint32_t shift = 0;; shift += 7) {
      if (shift > 28 || next_ == block_.size()) return false;
      const auto byte = static_cast<uint8_t>(block_[next_++]);
      sum += static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
    }
  }
  *value = static_cast<uint32_t>(sum);
  return sum <= UINT32_MAX;
}

HpackDecoder::Text HpackDecoder::TakeString(char* out, size_t room) {
  uint32_t size = 0;
  if (next_ == block_.size()) return {.is_sound = false};
  const bool is_huffman = (static_cast<uint8_t>(block_[next_]) & 0x80) != 0;
  if (!TakeInteger(kStringBits, &size) || size > block_.size() - next_) return {.is_sound = false};
  const std::string_view text = block_.substr(next_, size);
  next_ += size;
  if (is_huffman) {
    const HuffmanResult result = HuffmanDecode(text, out, room);
    return {.size = result.size,
            .is_sound = result.status != HuffmanStatus::kBad,
            .fits = result.status == HuffmanStatus::kOk};
  }
  if (text.size() > room) return {.fits = false};
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return {.size = text.size()};
}

bool HpackDecoder::TakeSizeUpdates() {
  while (next_ < block_.size() && (static_cast<uint8_t>(block_[next_]) & 0xe0) == 0x20) {
    uint32_t size = 0;
    if (!TakeInteger(kSizeUpdateBits, &size) || size > table_size_limit_) return false;
    table_.SetSizeMax(size);
    is_update_due_ = false;
  }
  return true;
}

HpackStatus HpackDecoder::Next(char* out, size_t room, HpackField* field) {
  SLUICE_DCHECK(room >= table_.size_max());
  if (next_ == 0) {
    if (!TakeSizeUpdates()) return Refuse(HpackFault::kTableSize);
    if (is_update_due_) return Refuse(HpackFault::kUpdateMissing);
  }
  if (next_ == block_.size()) return HpackStatus::kEnd;
  const auto first = static_cast<uint8_t>(block_[next_]);
  if ((first & 0x80) != 0) {
    uint32_t index = 0;
    if (!TakeInteger(kIndexedBits, &index)) return Refuse(HpackFault::kInteger);
    return TakeIndexed(index, out, room, field);
  }
  if ((first & 0x40) != 0) return TakeLiteral(kLiteralIndexedBits, out, room, field);
  if ((first & 0x20) != 0) return Refuse(HpackFault::kTableSize);
  field->is_never_indexed = (first & 0x10) != 0;
  return TakeLiteral(kLiteralBits, out, room, field);
}

void HpackDecoder::CopyName(uint32_t index, char* out) const {
  if (index > kHpackStaticCount) {
    table_.CopyName(index - kHpackStaticCount - 1, out);
    return;
  }
  const std::string_view name = HpackStaticEntry(index).name;
  std::memcpy(out, name.data(), name.size());
}

HpackStatus HpackDecoder::TakeIndexed(uint32_t index, char* out, size_t room, HpackField* field) {
  if (index == 0 || index > kHpackStaticCount + table_.count()) return Refuse(HpackFault::kIndex);
  field->is_never_indexed = false;
  field->static_name = index <= kHpackStaticCount ? index : 0;
  const bool is_static = field->static_name != 0;
  const std::string_view static_value = is_static ? HpackStaticEntry(index).value : "";
  const size_t name_size = NameSize(index);
  const size_t value_size =
      is_static ? static_value.size() : table_.ValueSize(index - kHpackStaticCount - 1);
  if (name_size + kGap + value_size > room) return HpackStatus::kTooLarge;
  CopyName(index, out);
  char* const value = out + name_size + kGap;
  if (!is_static) {
    table_.CopyValue(index - kHpackStaticCount - 1, value);
  } else if (value_size > 0) {
    std::memcpy(value, static_value.data(), value_size);
  }
  field->name = {out, name_size};
  field->value = {value, value_size};
  return HpackStatus::kField;
}

size_t HpackDecoder::NameSize(uint32_t index) const {
  return index > kHpackStaticCount ? table_.NameSize(index - kHpackStaticCount - 1)
                                   : HpackStaticEntry(index).name.size();
}

HpackStatus HpackDecoder::TakeLiteral(uint32_t prefix_bits, char* out, size_t room,
                                      HpackField* field) {
  const bool is_added = prefix_bits == kLiteralIndexedBits;
  uint32_t index = 0;
  if (!TakeInteger(prefix_bits, &index)) return Refuse(HpackFault::kInteger);
  if (index > kHpackStaticCount + table_.count()) return Refuse(HpackFault::kIndex);
  Text name;
  if (index == 0) {
    name = TakeString(out, room);
    if (!name.is_sound) return Refuse(HpackFault::kString);
  } else {
    name.size = NameSize(index);
    name.fits = name.size <= room;
    if (name.fits) CopyName(index, out);
  }
  // A name that did not fit is larger than the table, and so is the field: the value is only
  // passed.
  const size_t value_begin = name.fits ? name.size + kGap : 0;
  const size_t value_room = room > value_begin ? room - value_begin : 0;
  const Text value = TakeString(out + (value_room > 0 ? value_begin : 0), value_room);
  if (!value.is_sound) return Refuse(HpackFault::kString);
  if (!name.fits || !value.fits) {
    // Room for a whole table: what does not fit here would empty the table (section 4.4).
    if (is_added) table_.Clear();
    return HpackStatus::kTooLarge;
  }
  field->name = {out, name.size};
  field->value = {out + value_begin, value.size};
  field->static_name = index <= kHpackStaticCount ? index : 0;
  if (is_added) {
    field->is_never_indexed = false;
    table_.Insert(field->name, field->value);
  }
  return HpackStatus::kField;
}

}  // namespace sluice::http
