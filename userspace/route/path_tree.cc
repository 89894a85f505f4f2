#include "userspace/route/path_tree.h"

namespace sluice::route {
namespace {

// The segment after the "/" at `slash`.
std::string_view SegmentAfter(std::string_view path, size_t slash) {
  return path.substr(slash + 1, path.find('/', slash + 1) - slash - 1);
}

}  // namespace

void PathTree::Add(std::string_view prefix, uint32_t entry) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  uint32_t node = 0;
  for (size_t slash = 0; slash < prefix.size();) {
    const std::string_view segment = SegmentAfter(prefix, slash);
    const auto [child, is_new] =
        children_.try_emplace({node, segment}, static_cast<uint32_t>(nodes_.size()));
    if (is_new) nodes_.emplace_back();
    node = child->second;
    slash += 1 + segment.size();
  }
  nodes_[node].push_back(entry);
}

PathTree::Walk::Walk(const PathTree& tree, std::string_view path)
    : tree_(tree), path_(path), node_(path.starts_with('/') ? 0 : kNoNode) {}

void PathTree::Walk::Descend() {
  const uint32_t parent = std::exchange(node_, kNoNode);
  if (end_ == path_.size() || tree_.children_.empty()) return;
  const std::string_view segment = SegmentAfter(path_, end_);
  const auto child = tree_.children_.find(Child(parent, segment));
  if (child == tree_.children_.end()) return;
  node_ = child->second;
  end_ += 1 + segment.size();
}

}  // namespace sluice::route
