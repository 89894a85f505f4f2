// Builds one JSON value from a stream of events, as both parsers produce it, within limits that
// hold after aliases have been expanded. Not recursive. Thread: one at a time.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/store/manifest.h"

namespace sluice::controller {

inline constexpr size_t kDepthMax = 64;
inline constexpr size_t kValuesPerDocumentMax = 1000000;
inline constexpr size_t kExpandedSizeMax = size_t{64} << 20;  // Text of a document after expansion.

class ValueBuilder {
 public:
  // Each returns false once the document has failed; error() says why.
  bool Scalar(Json value);
  bool Key(std::string key);
  bool BeginObject();
  bool BeginArray();
  bool End();  // Of the innermost object or array.

  // Where the next event will land: true if an object waits for a key.
  bool is_key_next() const;
  size_t depth() const { return open_.size(); }
  bool is_complete() const { return has_root_ && open_.empty(); }
  bool Fail(std::string reason);  // Always false.
  bool has_failed() const { return !error_.empty(); }
  // Work so far: values and bytes of text, aliases expanded.
  size_t weight() const { return value_count_ + text_size_; }
  const std::string& error() const { return error_; }
  Json Take() { return std::move(root_); }
  // The value that the last event finished. Valid until the next event.
  const Json* last() const { return last_; }

 private:
  struct Level {
    Json* value;
    std::string key;
    bool has_key = false;
  };

  Json* Place(Json value);
  bool Begin(Json value);

  Json root_;
  bool has_root_ = false;
  Json* last_ = nullptr;
  std::vector<Level> open_;  // Pointers stay valid: only the innermost value grows.
  size_t value_count_ = 0;
  size_t text_size_ = 0;
  std::string error_;
};

}  // namespace sluice::controller
