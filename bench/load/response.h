// Reads HTTP/1.1 answers from a byte stream: strict, and only what a load generator has to know.
// Bounds: heads of up to kHeadSizeMax. Errors: an answer without Content-Length, or one that is no
// HTTP/1.1, is bad. Owns: nothing; it counts bytes of bodies and forgets them. Thread: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::bench {

class ResponseReader {
 public:
  static constexpr size_t kHeadSizeMax = 16 * 1024;
  enum class State { kHead, kBody, kComplete, kBad };

  // Takes bytes of the stream up to the end of one answer; returns how many it took.
  size_t Feed(std::string_view bytes);

  // Makes ready for the next answer on the same connection.
  void Reset();

  State state() const { return state_; }
  int status() const { return status_; }
  bool has_begun() const { return state_ != State::kHead || !head_.empty(); }
  // The server will close the connection after this answer.
  bool is_last() const { return is_last_; }

 private:
  void ReadHead(std::string_view head);
  bool ReadField(std::string_view line);

  State state_ = State::kHead;
  std::string head_;  // Only when a head came in pieces.
  int status_ = 0;
  uint64_t body_left_ = 0;
  bool has_length_ = false;
  bool is_last_ = false;
};

}  // namespace sluice::bench
