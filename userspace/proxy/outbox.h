// Bytes on their way out of one stream: a queue of segments that are either our own memory (chunks,
// copied into) or borrowed receive buffers (not copied). Bounded by its owner through size().
// Thread: one worker.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "userspace/io/ring.h"
#include "userspace/proxy/buffer_budget.h"

namespace sluice::proxy {

class Outbox;
struct Received;
struct Segment;
class Worker;

// Memory of segments, kept by a worker and used again: no allocation in steady state.
class SegmentPool {
 public:
  // Bytes of chunks in use count in `budget`; borrowed buffers are the ring's and bounded there.
  SegmentPool(io::Ring& ring, BufferBudget& budget)
      : ring_(ring), budget_(budget), loans_(ring.buffer_count()) {}
  ~SegmentPool();
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  Segment* NewChunk(size_t wanted);  // At least one byte of room; more when `wanted` is large.
  Segment* NewBorrowed(Outbox& holder, uint16_t buffer, std::string_view data);
  void Free(Segment* segment);  // Gives a borrowed buffer back to the ring.
  uint32_t borrowed_count() const { return borrowed_count_; }
  // Once in a turn, between its completions and its sends. Who does not read leaves half of the
  // buffers to the others: beyond, what a send has been tried for in vain is copied.
  void TakeBackStalled();

 private:
  struct Loan {
    Outbox* holder = nullptr;
    uint32_t turn = 0;
  };
  struct FreeList {
    Segment* head = nullptr;
    uint32_t count = 0;
  };
  Segment* Take(FreeList& list, size_t size);

  io::Ring& ring_;
  BufferBudget& budget_;
  FreeList small_;
  FreeList large_;
  FreeList borrowed_;
  uint32_t borrowed_count_ = 0;
  uint32_t turn_ = 0;
  std::vector<Loan> loans_;  // By buffer.
};

class Outbox {
 public:
  explicit Outbox(SegmentPool& pool) : pool_(pool) {}
  ~Outbox() { Clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  void Append(std::string_view bytes);                           // Copies.
  void AppendBorrowed(uint16_t buffer, std::string_view bytes);  // Takes the buffer over.
  size_t size() const { return size_; }
  // Fills at most `count_max` vectors from the front; returns how many.
  uint32_t Gather(iovec* vectors, uint32_t count_max) const;
  void Consume(size_t size);          // From the front; size <= size().
  void Read(char* out, size_t size);  // Copies from the front, and consumes.
  void OwnBorrowed();  // Copies what is borrowed. Requires: no send is prepared that covers it.
  void Clear();

 private:
  SegmentPool& pool_;
  Segment* head_ = nullptr;
  Segment* tail_ = nullptr;
  size_t size_ = 0;
};

// Appends `part` of what was received; takes its buffer over when that pays (stream.cc).
void AppendReceived(Worker& worker, Outbox& queue, Received& received, std::string_view part);

}  // namespace sluice::proxy
