#include "userspace/agent/discovery_frame.h"

#include "absl/strings/str_cat.h"

namespace sluice::agent {

std::string EncodeFrame(std::string_view message) {
  const auto size = static_cast<uint32_t>(message.size());
  std::string frame;
  frame.reserve(kFrameHeadSize + message.size());
  frame.push_back('\0');
  for (const int shift : {24, 16, 8, 0}) frame.push_back(static_cast<char>((size >> shift) & 0xff));
  frame.append(message);
  return frame;
}

void FrameDecoder::Append(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  buffer_.append(bytes);
}

absl::StatusOr<bool> FrameDecoder::Next(std::string_view& message) {
  const std::string_view left = std::string_view(buffer_).substr(begin_);
  if (left.size() < kFrameHeadSize) return false;
  if (left[0] != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "discovery frame flag is ", static_cast<uint8_t>(left[0]), ", want 0 (not compressed)"));
  }
  uint32_t size = 0;
  for (size_t i = 1; i < kFrameHeadSize; ++i) size = (size << 8) | static_cast<uint8_t>(left[i]);
  if (size > kFrameSizeMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("discovery message of ", size, " bytes, limit is ", kFrameSizeMax));
  }
  if (left.size() - kFrameHeadSize < size) return false;
  message = left.substr(kFrameHeadSize, size);
  begin_ += kFrameHeadSize + size;
  return true;
}

}  // namespace sluice::agent
