// HPACK decoding (RFC 7541), one field at a time into memory of the caller. Whatever the caller
// leaves out, the dynamic table stays in step with the peer's; after kBad it no longer is and the
// connection must end with COMPRESSION_ERROR (RFC 9113 section 4.3).
// Thread: one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "userspace/http/hpack_table.h"

namespace sluice::http {

enum class HpackStatus : uint8_t {
  kField,
  kTooLarge,  // A field did not fit and was left out.
  kEnd,
  kBad,
};

// Why a block is refused. Labels are in h2_reasons.h.
enum class HpackFault : uint8_t {
  kNone,
  kInteger,        // Longer than 32 bits or cut.
  kString,         // Longer than the block, or a broken Huffman code.
  kIndex,          // 0, or behind the end of both tables.
  kTableSize,      // A size update above what we allow, or behind the first field.
  kUpdateMissing,  // The allowed size was lowered and the block does not begin with an update.
};

struct HpackField {
  std::string_view name;
  std::string_view value;
  uint32_t static_name = 0;       // Index of a static entry with this name, if it came so.
  bool is_never_indexed = false;  // RFC 7541 section 6.2.3: to be sent on in the same way.
};

class HpackDecoder {
 public:
  // The value of a decoded field lies this far behind its name: room for ": ".
  static constexpr size_t kGap = 2;

  // The table begins with what the protocol says (RFC 9113 section 6.5.2) or less.
  explicit HpackDecoder(uint32_t table_size_limit)
      : table_(std::min(table_size_limit, 4096u)), table_size_limit_(table_size_limit) {}

  // What SETTINGS_HEADER_TABLE_SIZE says, once the peer has acknowledged it.
  void SetTableSizeLimit(uint32_t limit);
  // Begins a whole block, which must stay there until kEnd.
  void Start(std::string_view block);
  // Requires room >= the allowed table size. On kField name and value are at `out`.
  HpackStatus Next(char* out, size_t room, HpackField* field);
  HpackFault fault() const { return fault_; }
  const HpackTable& table() const { return table_; }

 private:
  HpackStatus Refuse(HpackFault fault);
  bool TakeInteger(uint32_t prefix_bits, uint32_t* value);
  struct Text {
    size_t size = 0;
    bool is_sound = true;
    bool fits = true;
  };
  Text TakeString(char* out, size_t room);
  bool TakeSizeUpdates();
  size_t NameSize(uint32_t index) const;
  void CopyName(uint32_t index, char* out) const;
  HpackStatus TakeIndexed(uint32_t index, char* out, size_t room, HpackField* field);
  HpackStatus TakeLiteral(uint32_t prefix_bits, char* out, size_t room, HpackField* field);

  HpackTable table_;
  uint32_t table_size_limit_;
  std::string_view block_;
  size_t next_ = 0;
  bool is_update_due_ = false;
  HpackFault fault_ = HpackFault::kNone;
};

}  // namespace sluice::http
