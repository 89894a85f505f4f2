// Puts a head together from runs of the input and new text. Room-private.
// Runs that lie next to each other in the input are copied at once. Bounds: never writes past
// `size`.
#pragma once

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace sluice::http {

class HeadWriter {
 public:
  HeadWriter(char* out, size_t size) : begin_(out), next_(out), end_(out + size) {}

  // [begin, end) of the input as it is.
  void Copy(const char* begin, const char* end) {
    if (begin != run_end_) {
      Flush();
      run_begin_ = begin;
    }
    run_end_ = end;
  }
  void Put(std::initializer_list<std::string_view> texts) {
    Flush();
    for (const std::string_view text : texts) Append(text.data(), text.size());
  }
  void PutField(std::string_view name, std::string_view value) { Put({name, ": ", value, "\r\n"}); }

  // The size of all, or 0 if it did not fit.
  size_t Finish() {
    Flush();
    return is_full_ ? 0 : static_cast<size_t>(next_ - begin_);
  }

 private:
  void Flush() {
    if (run_begin_ == run_end_) return;
    Append(run_begin_, static_cast<size_t>(run_end_ - run_begin_));
    run_begin_ = run_end_ = nullptr;
  }
  void Append(const char* text, size_t size) {
    if (size > static_cast<size_t>(end_ - next_)) {
      is_full_ = true;
      return;
    }
    if (size == 0) return;  // memcpy of nothing may come from a null view.
    std::memcpy(next_, text, size);
    next_ += size;
  }

  char* const begin_;
  char* next_;
  char* const end_;
  const char* run_begin_ = nullptr;
  const char* run_end_ = nullptr;
  bool is_full_ = false;
};

}  // namespace sluice::http
