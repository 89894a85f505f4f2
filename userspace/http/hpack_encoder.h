// HPACK encoding (RFC 7541). Blocks must go out in the order in which they were made.
// Thread: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/http/hpack_table.h"

namespace sluice::http {

enum class HpackIndexing : uint8_t {
  kByName,  // By what IndexingOf says about the name.
  kNever,   // RFC 7541 section 7.1.3: a secret; nobody on the way may index it.
};

class HpackEncoder {
 public:
  // `table_size_max` bounds what we use, whatever the peer allows.
  explicit HpackEncoder(uint32_t table_size_max);

  // SETTINGS_HEADER_TABLE_SIZE of the peer; the next block tells it what became of it.
  void SetPeerLimit(uint32_t limit);
  // Begins a block at the end of `out`.
  void Start(std::string& out);
  // Requires a name in lower case.
  void Add(std::string_view name, std::string_view value, HpackIndexing indexing, std::string& out);
  const HpackTable& table() const { return table_; }

 private:
  HpackTable table_;
  uint32_t own_limit_;
  // Size updates that the next block begins with (section 4.2): the smallest since the last block,
  // and the last one if it differs.
  uint32_t update_lowest_;
  bool is_update_due_;
};

}  // namespace sluice::http
