#include "userspace/proxy/outbox.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "userspace/base/check.h"

namespace sluice::proxy {

struct Segment {
  Segment* next = nullptr;
  const char* data = nullptr;
  uint32_t size = 0;  // Bytes not yet sent, from data.
  uint32_t room = 0;  // Bytes free behind data + size (chunks only).
  uint16_t buffer = 0;
  bool is_borrowed = false;
  bool is_large = false;

  char* storage() { return reinterpret_cast<char*>(this + 1); }
};

namespace {

// A typical small answer fits into one small chunk; what is larger is bulk.
constexpr size_t kSmallChunk = 2048 - sizeof(Segment);
constexpr size_t kLargeChunk = 16 * 1024;
constexpr uint32_t kFreeSmallMax = 1024;  // 2 MiB kept per worker at most.
constexpr uint32_t kFreeLargeMax = 64;
constexpr uint32_t kFreeBorrowedMax = 256;

}  // namespace

SegmentPool::~SegmentPool() {
  for (FreeList* list : {&small_, &large_, &borrowed_}) {
    while (Segment* segment = list->head) {
      list->head = segment->next;
      std::free(segment);
    }
  }
}

Segment* SegmentPool::Take(FreeList& list, size_t size) {
  void* memory = list.head;
  if (list.head != nullptr) {
    list.head = list.head->next;
    --list.count;
  } else {
    memory = std::malloc(sizeof(Segment) + size);
    SLUICE_CHECK(memory != nullptr);
  }
  return new (memory) Segment();
}

Segment* SegmentPool::NewChunk(size_t wanted) {
  const bool is_large = wanted > kSmallChunk;
  const size_t size = is_large ? kLargeChunk : kSmallChunk;
  Segment* segment = Take(is_large ? large_ : small_, size);
  budget_.Add(size);
  segment->data = segment->storage();
  segment->room = static_cast<uint32_t>(size);
  segment->is_large = is_large;
  return segment;
}

Segment* SegmentPool::NewBorrowed(Outbox& holder, uint16_t buffer, std::string_view data) {
  Segment* segment = Take(borrowed_, 0);
  segment->data = data.data();
  segment->size = static_cast<uint32_t>(data.size());
  segment->buffer = buffer;
  segment->is_borrowed = true;
  ++borrowed_count_;
  loans_[buffer] = {.holder = &holder, .turn = turn_};
  return segment;
}

void SegmentPool::TakeBackStalled() {
  ++turn_;
  const uint32_t kept = ring_.buffer_count() / 2;
  if (borrowed_count_ <= kept) return;
  for (const Loan& loan : loans_) {
    // What came in this turn is yet to be sent; what came in the last one was.
    if (loan.holder == nullptr || turn_ - loan.turn < 2) continue;
    loan.holder->OwnBorrowed();
    if (borrowed_count_ <= kept) return;
  }
}

void SegmentPool::Free(Segment* segment) {
  FreeList* list = segment->is_large ? &large_ : &small_;
  uint32_t keep = segment->is_large ? kFreeLargeMax : kFreeSmallMax;
  if (segment->is_borrowed) {
    ring_.GiveBack(segment->buffer);
    loans_[segment->buffer].holder = nullptr;
    --borrowed_count_;
    list = &borrowed_;
    keep = kFreeBorrowedMax;
  } else {
    budget_.Subtract(segment->is_large ? kLargeChunk : kSmallChunk);
  }
  if (list->count >= keep) {
    std::free(segment);
    return;
  }
  segment->next = list->head;
  list->head = segment;
  ++list->count;
}

void Outbox::Append(std::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (tail_ == nullptr || tail_->room == 0) {
      Segment* chunk = pool_.NewChunk(bytes.size());
      (tail_ != nullptr ? tail_->next : head_) = chunk;
      tail_ = chunk;
    }
    // Writing behind what a send in flight covers is safe: its vectors have fixed lengths.
    const size_t part = std::min<size_t>(bytes.size(), tail_->room);
    std::memcpy(const_cast<char*>(tail_->data) + tail_->size, bytes.data(), part);
    tail_->size += static_cast<uint32_t>(part);
    tail_->room -= static_cast<uint32_t>(part);
    bytes.remove_prefix(part);
  }
}

void Outbox::AppendBorrowed(uint16_t buffer, std::string_view bytes) {
  Segment* segment = pool_.NewBorrowed(*this, buffer, bytes);
  (tail_ != nullptr ? tail_->next : head_) = segment;
  tail_ = segment;
  size_ += bytes.size();
}

void Outbox::OwnBorrowed() {
  Segment* rest = head_;
  head_ = tail_ = nullptr;
  const auto put = [this](Segment* segment) {
    (tail_ != nullptr ? tail_->next : head_) = segment;
    tail_ = segment;
  };
  while (Segment* segment = rest) {
    rest = segment->next;
    if (!segment->is_borrowed) {
      put(segment);
      continue;
    }
    size_ -= segment->size;
    if (tail_ != nullptr) tail_->next = nullptr;
    Append({segment->data, segment->size});
    pool_.Free(segment);
  }
}

uint32_t Outbox::Gather(iovec* vectors, uint32_t count_max) const {
  uint32_t count = 0;
  for (const Segment* segment = head_; segment != nullptr && count < count_max;
       segment = segment->next) {
    vectors[count++] = {.iov_base = const_cast<char*>(segment->data), .iov_len = segment->size};
  }
  return count;
}

void Outbox::Consume(size_t size) {
  SLUICE_DCHECK(size <= size_);
  size_ -= size;
  while (size > 0) {
    Segment* segment = head_;
    if (size < segment->size) {
      segment->data += size;
      segment->size -= static_cast<uint32_t>(size);
      return;
    }
    size -= segment->size;
    head_ = segment->next;
    if (head_ == nullptr) tail_ = nullptr;
    pool_.Free(segment);
  }
}

void Outbox::Read(char* out, size_t size) {
  SLUICE_DCHECK(size <= size_);
  while (size > 0) {
    const size_t part = std::min<size_t>(size, head_->size);
    std::memcpy(out, head_->data, part);
    out += part;
    size -= part;
    Consume(part);
  }
}

void Outbox::Clear() {
  while (Segment* segment = head_) {
    head_ = segment->next;
    pool_.Free(segment);
  }
  tail_ = nullptr;
  size_ = 0;
}

}  // namespace sluice::proxy
