#include "userspace/http/hpack_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "userspace/base/check.h"

namespace sluice::http {
namespace {

constexpr uint32_t kTextSizeMin = 256;
constexpr uint32_t kEntryCountMin = 8;

uint32_t HashOf(std::string_view name) {
  // Eight bytes at a time. Whoever makes names collide makes them be compared, no more.
  constexpr uint64_t kFactor = 0x9e3779b97f4a7c15u;
  uint64_t hash = name.size();
  uint64_t word = 0;
  for (; name.size() > sizeof word; name.remove_prefix(sizeof word)) {
    std::memcpy(&word, name.data(), sizeof word);
    hash = (hash ^ word) * kFactor;
  }
  word = 0;
  std::memcpy(&word, name.data(), name.size());
  hash = (hash ^ word) * kFactor;
  return static_cast<uint32_t>(hash >> 32);
}

}  // namespace

void HpackTable::EvictUntil(uint32_t size_max) {
  while (size_ > size_max) {
    const Entry& oldest = At(count_ - 1);
    const uint32_t text_size = oldest.name_size + oldest.value_size;
    text_size_ -= text_size;
    size_ -= text_size + kHpackEntryOverhead;
    --count_;
  }
}

void HpackTable::SetSizeMax(uint32_t size_max) {
  size_max_ = size_max;
  EvictUntil(size_max);
}

// Doubles a ring that is full and lays the live entries anew.
void HpackTable::MakeRoom(uint32_t text_size) {
  if (text_size_ + text_size > text_.size()) {
    std::vector<char> grown(std::max(kTextSizeMin, std::bit_ceil(text_size_ + text_size)));
    uint32_t end = 0;
    for (uint32_t i = count_; i-- > 0;) {
      Entry& entry = entries_[(newest_ - i) & (entries_.size() - 1)];
      Copy(entry.begin, entry.name_size + entry.value_size, grown.data() + end);
      entry.begin = end;
      end += entry.name_size + entry.value_size;
    }
    text_.swap(grown);
    text_end_ = end;
  }
  if (count_ == entries_.size()) {
    std::vector<Entry> grown(std::max<size_t>(kEntryCountMin, entries_.size() * 2));
    for (uint32_t i = 0; i < count_; ++i) grown[count_ - 1 - i] = At(i);
    entries_.swap(grown);
    newest_ = count_ - 1;  // Wraps when there is none: the first insertion makes it 0.
  }
}

void HpackTable::Insert(std::string_view name, std::string_view value) {
  const uint64_t size = name.size() + value.size() + kHpackEntryOverhead;
  if (size > size_max_) {
    EvictUntil(0);
    return;
  }
  EvictUntil(size_max_ - static_cast<uint32_t>(size));
  MakeRoom(static_cast<uint32_t>(name.size() + value.size()));
  ++newest_;
  entries_[newest_ & (entries_.size() - 1)] = {.begin = text_end_,
                                               .name_size = static_cast<uint32_t>(name.size()),
                                               .value_size = static_cast<uint32_t>(value.size()),
                                               .name_hash = HashOf(name)};
  Put(name);
  Put(value);
  ++count_;
  size_ += static_cast<uint32_t>(size);
}

void HpackTable::Put(std::string_view text) {
  if (text.empty()) return;
  const size_t place = text_end_ & (text_.size() - 1);
  const size_t first = std::min(text.size(), text_.size() - place);
  std::memcpy(text_.data() + place, text.data(), first);
  std::memcpy(text_.data(), text.data() + first, text.size() - first);
  text_end_ += static_cast<uint32_t>(text.size());
  text_size_ += static_cast<uint32_t>(text.size());
}

void HpackTable::Copy(uint32_t begin, uint32_t size, char* out) const {
  if (size == 0) return;
  const size_t place = begin & (text_.size() - 1);
  const size_t first = std::min<size_t>(size, text_.size() - place);
  std::memcpy(out, text_.data() + place, first);
  std::memcpy(out + first, text_.data(), size - first);
}

void HpackTable::CopyName(uint32_t index, char* out) const {
  SLUICE_DCHECK(index < count_);
  Copy(At(index).begin, At(index).name_size, out);
}

void HpackTable::CopyValue(uint32_t index, char* out) const {
  SLUICE_DCHECK(index < count_);
  Copy(At(index).begin + At(index).name_size, At(index).value_size, out);
}

bool HpackTable::Equals(uint32_t begin, std::string_view text) const {
  if (text.empty()) return true;
  const size_t place = begin & (text_.size() - 1);
  const size_t first = std::min(text.size(), text_.size() - place);
  return std::memcmp(text_.data() + place, text.data(), first) == 0 &&
         std::memcmp(text_.data(), text.data() + first, text.size() - first) == 0;
}

HpackMatch HpackTable::Find(std::string_view name, std::string_view value) const {
  HpackMatch match;
  const uint32_t hash = HashOf(name);
  const Entry* const entries = entries_.data();
  const size_t mask = entries_.size() - 1;
  for (uint32_t i = 0; i < count_; ++i) {
    const Entry& entry = entries[(newest_ - i) & mask];
    if (entry.name_hash != hash || entry.name_size != name.size()) continue;
    if (!Equals(entry.begin, name)) continue;
    if (match.index == 0) match.index = i + 1;
    if (entry.value_size == value.size() && Equals(entry.begin + entry.name_size, value)) {
      return {.index = i + 1, .has_value = true};
    }
  }
  return match;
}

}  // namespace sluice::http
