// The open streams of one HTTP/2 connection: slots in blocks that are reused, found by identifier.
// Bounds: the caller limits the count; memory follows the largest count since the last Trim, and
// nothing is allocated below it. Thread: one owner.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "userspace/base/intrusive_list.h"

namespace sluice::http {

struct SendTag {};
struct WindowTag {};

// States of RFC 9113 section 5.1 as two ends; a stream leaves the table when both have ended.
//
//   is_remote_ended  is_local_ended   state
//   no               no               open
//   yes              no               half-closed (remote)
//   no               yes              half-closed (local)
struct H2Stream : base::ListLink<SendTag>, base::ListLink<WindowTag> {
  uint32_t id = 0;         // 0: the slot is free.
  uint32_t head_size = 0;  // Of the request, at the server.
  uint64_t user = 0;

  int64_t send_window = 0;     // May be negative after SETTINGS (section 6.9.2).
  int64_t receive_window = 0;  // What the peer may still send.

  uint64_t offered_size = 0;  // Bytes that the source has for us.
  uint64_t body_left = 0;     // Of the announced content, if has_length.
  uint32_t returnable = 0;    // Consumed and not yet told to the peer.
  uint8_t interim_count = 0;

  bool is_remote_ended = false;
  bool is_local_ended = false;
  bool is_end_offered = false;   // END_STREAM follows what was offered.
  bool has_remote_head = false;  // A request's head, or a response's final one.
  bool has_local_head = false;
  bool has_length = false;
  bool has_no_content = false;  // Answers to HEAD, 204, 304.
  bool is_head_request = false;
  bool is_connect = false;
  bool is_tunnel = false;  // Only DATA, both ways (section 8.5). Servers: unless it was declined.
  bool must_reset_after_end = false;
};
static_assert(sizeof(H2Stream) <= 96);  // Part of what an open stream may cost: 1.5 KiB in all.

class H2Streams {
 public:
  // Null if it is not open.
  H2Stream* Find(uint32_t id);
  // Requires that `id` is not open.
  H2Stream& Add(uint32_t id);
  // The slot is free for the next one at once.
  void Remove(H2Stream& stream);
  uint32_t count() const { return count_; }
  // Gives back what a large number of streams needed. Requires that none is open.
  void Trim();
  size_t memory_size() const {
    return blocks_.size() * sizeof(Block) +
           (blocks_.capacity() + free_.capacity() + index_.capacity()) * sizeof(void*);
  }

  // visit(H2Stream&) for each; it may remove the one it was given.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (const std::unique_ptr<Block>& block : blocks_) {
      for (H2Stream& stream : *block) {
        if (stream.id != 0) visit(stream);
      }
    }
  }

 private:
  static constexpr size_t kBlockSize = 4;
  static constexpr size_t kBlocksKept = 1;
  using Block = std::array<H2Stream, kBlockSize>;

  size_t PlaceOf(uint32_t id) const { return (id / 2 * 0x9e3779b1u) & (index_.size() - 1); }
  void Grow();

  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<H2Stream*> free_;
  std::vector<H2Stream*> index_;  // Open addressing, a power of two, at most half full.
  uint32_t count_ = 0;
};

}  // namespace sluice::http
