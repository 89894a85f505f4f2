// What a worker holds for its clients in memory of its own: queued bytes, parts of heads, bodies
// that cannot be forwarded yet. Counted as allocated, not as filled. Bounds: `max` is passed by at
// most what one turn receives; then the worker sheds (docs/adr/0010). Thread: one worker.
#pragma once

#include <algorithm>
#include <cstddef>

#include "userspace/base/check.h"
#include "userspace/proxy/limits.h"

namespace sluice::proxy {

class BufferBudget {
 public:
  explicit BufferBudget(size_t max) : max_(max) {}

  void Add(size_t size) { used_ += size; }
  void Subtract(size_t size) {
    SLUICE_DCHECK(size <= used_);
    used_ -= size;
  }
  size_t used() const { return used_; }
  bool is_over() const { return used_ > max_; }
  // Half is used: streams take one receive buffer at a time, since a multishot receive hands over
  // all that the socket has before it can be stopped.
  bool is_short() const { return used_ > max_ / 2; }
  // What must go once the budget is passed: down to seven eighths, so that not every turn sheds.
  size_t excess() const { return used_ > max_ / 8 * 7 ? used_ - max_ / 8 * 7 : 0; }

  // The high mark of a direction's queue: a share of what is left, so that many slow readers come
  // to smaller queues long before anybody is shed.
  size_t queue_high() const {
    return std::clamp(left() / kQueueShare, kSendQueueLeast, kSendQueueHigh);
  }
  size_t left() const { return used_ < max_ ? max_ - used_ : 0; }

 private:
  const size_t max_;
  size_t used_ = 0;
};

}  // namespace sluice::proxy
