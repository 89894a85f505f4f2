// Path prefixes by segment: a request walks down from the root along its own segments and meets
// every prefix of its path on the way, shortest first. The walk ends where no prefix goes on, so
// its cost is bounded by the table and not by what a client sends. Thread: any once filled.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace sluice::route {

class PathTree {
 public:
  PathTree() : nodes_(1) {}
  // `prefix` starts with "/" and is borrowed: it must outlive the tree. A trailing "/" is ignored.
  // Entries of one prefix keep the order in which they were added.
  void Add(std::string_view prefix, uint32_t entry);

  class Walk {
   public:
    Walk(const PathTree& tree, std::string_view path);
    bool is_at_node() const { return node_ != kNoNode; }
    const std::vector<uint32_t>& entries() const { return tree_.nodes_[node_]; }  // May be empty.
    // Of the path: what the prefix of this node covers; 1 at the root, whose prefix is "/".
    size_t prefix_size() const { return node_ == 0 ? 1 : end_; }
    void Descend();

   private:
    const PathTree& tree_;
    std::string_view path_;
    uint32_t node_;
    size_t end_ = 0;  // Where the node's last segment ends in the path.
  };

 private:
  static constexpr uint32_t kNoNode = UINT32_MAX;
  using Child = std::pair<uint32_t, std::string_view>;  // Parent and segment.

  std::vector<std::vector<uint32_t>> nodes_;  // Entries by node; [0] is the root.
  absl::flat_hash_map<Child, uint32_t> children_;
};

}  // namespace sluice::route
