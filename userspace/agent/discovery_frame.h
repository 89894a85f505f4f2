// Framing of the discovery stream, as gRPC frames messages:
//   frame = %x00 size(4 bytes, network order) message
// Bounds: kFrameSizeMax. Errors: a compressed flag or a size past the limit ends the stream;
// nothing is skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::agent {

inline constexpr size_t kFrameHeadSize = 5;
inline constexpr size_t kFrameSizeMax = 64u << 20;

std::string EncodeFrame(std::string_view message);

// Collects bytes as they come and gives back whole messages.
class FrameDecoder {
 public:
  void Append(std::string_view bytes);
  // True: `message` is the next one, valid until the next call. False: more bytes are needed.
  absl::StatusOr<bool> Next(std::string_view& message);

 private:
  std::string buffer_;
  size_t begin_ = 0;
};

}  // namespace sluice::agent
