// A trailer section that has to wait until the content before it is gone. Kept as lines of
// HTTP/1.1. Thread: one worker.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "userspace/http/h1.h"
#include "userspace/proxy/outbox.h"

namespace sluice::proxy {

using TrailerRoom = std::array<http::Header, http::kHeaderCountMax>;

// Appends "name: value" lines.
void AppendTrailerLines(absl::Span<const http::Header> trailers, std::string& lines);
// The fields of such lines, or of a section that http::BodyFramer has passed. Fields beyond the
// room are left out.
absl::Span<const http::Header> ReadTrailerLines(std::string_view lines, TrailerRoom& room);

// Held in memory of the worker's that is counted: many streams may have to wait.
class HeldTrailers {
 public:
  explicit HeldTrailers(SegmentPool& pool) : lines_(pool) {}

  void Hold(absl::Span<const http::Header> trailers);
  // Once; the fields point into `lines`.
  absl::Span<const http::Header> Take(std::string& lines, TrailerRoom& room);
  size_t size() const { return lines_.size(); }
  void Clear() { lines_.Clear(); }

 private:
  Outbox lines_;
};

}  // namespace sluice::proxy
