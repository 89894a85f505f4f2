// Reads requests that a benchmark makes and says which answer they want: strict, and nothing that
// costs. Bounds: heads of up to kHeadSizeMax, bodies (skipped) of any size, answers of up to
// kAnswerSizeMax.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::bench {

constexpr size_t kHeadSizeMax = 16 * 1024;
constexpr size_t kAnswerSizeMax = 16 * 1024 * 1024;

struct Request {
  enum class Kind { kIncomplete, kGood, kNotFound, kBad };
  Kind kind = Kind::kIncomplete;
  size_t head_size = 0;
  uint64_t body_size = 0;
  size_t answer_size = 0;
  bool is_last = false;  // "Connection: close".
};

// The request at the beginning of `bytes`. Its path says how many bytes to answer with: /100, /16k,
// /1m.
Request ReadRequest(std::string_view bytes);

// The size that a path names; npos if it names none.
size_t AnswerSizeOf(std::string_view path);

}  // namespace sluice::bench
