// A read-mostly map in shards that successive copies share: Share() costs one pointer per shard,
// and the first Set or Erase after it copies only the shard it touches. So a change to one service
// among thousands copies dozens of entries, not all of them. Thread: Find and size from any; Set,
// Erase and Share from the owner of this copy alone.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace sluice::model {

template <typename Key, typename Value>
class ShardedIndex {
 public:
  // A copy to be handed out. From now on both sides copy a shard before they change it.
  ShardedIndex Share() {
    owned_.reset();
    return *this;
  }

  template <typename Lookup>
  const Value* Find(const Lookup& key) const {
    const size_t hash = typename Shard::hasher{}(key);
    const Shard* shard = shards_[ShardOf(hash)].get();
    if (shard == nullptr) return nullptr;
    const auto found = shard->find(key, hash);
    return found == shard->end() ? nullptr : found->second.get();
  }

  void Set(const Key& key, std::shared_ptr<const Value> value) {
    Shard& shard = Own(key);
    const size_t size_before = shard.size();
    shard.insert_or_assign(key, std::move(value));
    size_ += shard.size() - size_before;
  }

  void Erase(const Key& key) {
    if (Find(key) != nullptr) size_ -= Own(key).erase(key);
  }

  size_t size() const { return size_; }

  // Calls `visit(key, std::shared_ptr<const Value>)` for every entry, in no order.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    for (const auto& shard : shards_) {
      if (shard == nullptr) continue;
      for (const auto& [key, value] : *shard) visit(key, value);
    }
  }

 private:
  using Shard = absl::flat_hash_map<Key, std::shared_ptr<const Value>>;
  static constexpr size_t kShardCount = 64;
  static_assert(sizeof(size_t) == 8);

  // The top bits: flat_hash_map itself spreads by the low ones.
  static size_t ShardOf(size_t hash) { return hash >> 58; }
  static_assert(kShardCount == size_t{1} << (64 - 58));

  Shard& Own(const Key& key) {
    const size_t index = ShardOf(typename Shard::hasher{}(key));
    std::shared_ptr<Shard>& shard = shards_[index];
    if (!owned_[index]) {
      shard = shard == nullptr ? std::make_shared<Shard>() : std::make_shared<Shard>(*shard);
      owned_.set(index);
    }
    return *shard;
  }

  std::array<std::shared_ptr<Shard>, kShardCount> shards_;
  std::bitset<kShardCount> owned_;  // Shards that no shared copy sees.
  size_t size_ = 0;
};

}  // namespace sluice::model
