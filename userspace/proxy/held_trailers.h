// A trailer section that has to wait until the content before it is gone. Kept as lines of
// HTTP/1.1. Thread: one worker.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "userspace/http/h1.h"

namespace sluice::proxy {

using TrailerRoom = std::array<http::Header, http::kHeaderCountMax>;

// Appends "name: value" lines.
void AppendTrailerLines(absl::Span<const http::Header> trailers, std::string& lines);
// The fields of such lines, or of a section that http::BodyFramer has passed. Fields beyond the
// room are left out.
absl::Span<const http::Header> ReadTrailerLines(std::string_view lines, TrailerRoom& room);

}  // namespace sluice::proxy
