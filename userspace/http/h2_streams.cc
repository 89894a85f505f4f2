#include "userspace/http/h2_streams.h"

#include <algorithm>

namespace sluice::http {

H2Stream* H2Streams::Find(uint32_t id) {
  if (count_ == 0) return nullptr;
  for (size_t place = PlaceOf(id); index_[place] != nullptr;
       place = (place + 1) & (index_.size() - 1)) {
    if (index_[place]->id == id) return index_[place];
  }
  return nullptr;
}

void H2Streams::Grow() {
  std::vector<H2Stream*> old;
  old.swap(index_);
  index_.resize(std::max<size_t>(2 * kBlockSize, old.size() * 2));
  for (H2Stream* stream : old) {
    if (stream == nullptr) continue;
    size_t place = PlaceOf(stream->id);
    while (index_[place] != nullptr) place = (place + 1) & (index_.size() - 1);
    index_[place] = stream;
  }
}

H2Stream& H2Streams::Add(uint32_t id) {
  if (free_.empty()) {
    Block& block = *blocks_.emplace_back(std::make_unique<Block>());
    free_.reserve(blocks_.size() * kBlockSize);
    for (H2Stream& stream : block) free_.push_back(&stream);
  }
  if (2 * (count_ + 1) > index_.size()) Grow();
  H2Stream& stream = *free_.back();
  free_.pop_back();
  stream.id = id;
  size_t place = PlaceOf(id);
  while (index_[place] != nullptr) place = (place + 1) & (index_.size() - 1);
  index_[place] = &stream;
  ++count_;
  return stream;
}

void H2Streams::Remove(H2Stream& stream) {
  const size_t mask = index_.size() - 1;
  size_t hole = PlaceOf(stream.id);
  while (index_[hole] != &stream) hole = (hole + 1) & mask;
  // Those behind move up, so that no search stops at a hole before what it looks for.
  for (size_t place = (hole + 1) & mask; index_[place] != nullptr; place = (place + 1) & mask) {
    const size_t home = PlaceOf(index_[place]->id);
    if (((place - home) & mask) < ((place - hole) & mask)) continue;
    index_[hole] = index_[place];
    hole = place;
  }
  index_[hole] = nullptr;
  static_cast<base::ListLink<SendTag>&>(stream).Unlink();
  static_cast<base::ListLink<WindowTag>&>(stream).Unlink();
  stream.~H2Stream();
  new (&stream) H2Stream();
  free_.push_back(&stream);
  --count_;
}

void H2Streams::Trim() {
  if (count_ > 0 || blocks_.size() <= kBlocksKept) return;
  *this = H2Streams();
}

}  // namespace sluice::http
