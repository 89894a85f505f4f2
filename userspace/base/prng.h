// Small, fast random numbers for balancing and splitting; never for secrets. Thread: one owner.
#pragma once

#include <cstdint>

namespace sluice::base {

// xorshift64* (Vigna 2016) over a seed mixed by splitmix64, so that any seed, 0 included, is good.
class Prng {
 public:
  explicit Prng(uint64_t seed) {
    uint64_t mixed = seed + 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    state_ = (mixed ^ (mixed >> 31)) | 1;
  }
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1d;
  }

 private:
  uint64_t state_;
};

}  // namespace sluice::base
