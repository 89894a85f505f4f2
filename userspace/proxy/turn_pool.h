// Objects that are used again: none is allocated in steady state. What is retired stays whole until
// the end of the worker's turn, since functions of it may still be on the stack. Thread: one
// worker.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::proxy {

// T has `void Recycle()`, which gives back what it holds.
template <typename T>
class TurnPool {
 public:
  explicit TurnPool(size_t kept_max) : kept_max_(kept_max) {}

  template <typename... Args>
  T& Take(Args&&... args) {
    if (free_.empty()) return *new T(std::forward<Args>(args)...);
    T* taken = free_.back().release();
    free_.pop_back();
    return *taken;
  }
  void Retire(T& object) { retired_.emplace_back(&object); }
  // At the end of a turn.
  void Recycle() {
    for (std::unique_ptr<T>& object : retired_) {
      object->Recycle();
      if (free_.size() < kept_max_) free_.push_back(std::move(object));
    }
    retired_.clear();
  }

 private:
  const size_t kept_max_;
  std::vector<std::unique_ptr<T>> free_;
  std::vector<std::unique_ptr<T>> retired_;
};

}  // namespace sluice::proxy
