// The dynamic table of HPACK (RFC 7541 sections 2.3.2 and 4): newest entry first, oldest evicted.
// Texts lie in one ring of bytes and may wrap round its end; both rings grow by doubling up to what
// the size allows, so that a connection that indexes little holds little, and one that goes on
// allocates nothing.
// Bounds: never more than about 1.5 times size_max in bytes. Thread: one owner.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "userspace/http/hpack_static.h"

namespace sluice::http {

class HpackTable {
 public:
  explicit HpackTable(uint32_t size_max) : size_max_(size_max) {}

  // Evicts what no longer fits.
  void SetSizeMax(uint32_t size_max);
  void Clear() { EvictUntil(0); }
  // Evicts as needed; what is larger than the table empties it. Requires texts outside the table.
  void Insert(std::string_view name, std::string_view value);

  uint32_t count() const { return count_; }
  uint32_t size() const { return size_; }  // As RFC 7541 section 4.1 counts.
  uint32_t size_max() const { return size_max_; }

  // All take 0 <= index < count(), 0 the newest.
  uint32_t NameSize(uint32_t index) const { return At(index).name_size; }
  uint32_t ValueSize(uint32_t index) const { return At(index).value_size; }
  void CopyName(uint32_t index, char* out) const;
  void CopyValue(uint32_t index, char* out) const;

  // The newest entry with this name and value; else with this name. `index` counts from 1.
  HpackMatch Find(std::string_view name, std::string_view value) const;
  size_t memory_size() const { return text_.capacity() + entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    uint32_t begin;  // Counts all bytes ever put in; its place is that modulo the ring's size.
    uint32_t name_size;
    uint32_t value_size;
    uint32_t name_hash;
  };

  const Entry& At(uint32_t index) const {
    return entries_[(newest_ - index) & (entries_.size() - 1)];
  }
  void EvictUntil(uint32_t size_max);
  void MakeRoom(uint32_t text_size);
  void Put(std::string_view text);
  void Copy(uint32_t begin, uint32_t size, char* out) const;
  bool Equals(uint32_t begin, std::string_view text) const;

  std::vector<char> text_;      // Empty or a power of two.
  std::vector<Entry> entries_;  // Empty or a power of two.
  uint32_t text_end_ = 0;       // Counts like Entry::begin.
  uint32_t text_size_ = 0;      // Of the live entries.
  uint32_t newest_ = 0;         // Place of the newest entry, not yet reduced to the ring.
  uint32_t count_ = 0;
  uint32_t size_ = 0;
  uint32_t size_max_;
};

}  // namespace sluice::http
