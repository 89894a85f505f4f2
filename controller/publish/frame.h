// gRPC framing on a byte stream: one zero byte (not compressed), the size as four bytes in network
// order, the message. Errors: a flag other than zero or a size over the limit; the stream cannot be
// used after that. Thread: any.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::controller {

inline constexpr size_t kRequestSizeMax = size_t{16} << 20;

void AppendFrame(std::string_view message, std::string& out);

// The first whole message in `buffer`, which must stay as it is while the message is used;
// `consumed` is what to drop afterwards. Empty: more bytes are needed.
absl::StatusOr<std::optional<std::string_view>> NextFrame(std::string_view buffer, size_t size_max,
                                                          size_t& consumed);

}  // namespace sluice::controller
