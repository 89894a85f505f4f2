#include "controller/publish/frame.h"

#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kHeadSize = 5;

}  // namespace

void AppendFrame(std::string_view message, std::string& out) {
  const auto size = static_cast<uint32_t>(message.size());
  out.push_back('\0');
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(size >> shift));
  out.append(message);
}

absl::StatusOr<std::optional<std::string_view>> NextFrame(std::string_view buffer, size_t size_max,
                                                          size_t& consumed) {
  consumed = 0;
  if (buffer.empty()) return std::nullopt;
  if (buffer[0] != '\0') {
    return absl::InvalidArgumentError(
        base::Concat("the flag of a frame is ",
                     static_cast<int>(static_cast<unsigned char>(buffer[0])), ", not 0"));
  }
  if (buffer.size() < kHeadSize) return std::nullopt;
  size_t size = 0;
  for (size_t i = 1; i < kHeadSize; ++i) size = size << 8 | static_cast<unsigned char>(buffer[i]);
  if (size > size_max) {
    return absl::ResourceExhaustedError(
        base::Concat("a message of ", size, " bytes, at most ", size_max, " are allowed"));
  }
  if (buffer.size() - kHeadSize < size) return std::nullopt;
  consumed = kHeadSize + size;
  return buffer.substr(kHeadSize, size);
}

}  // namespace sluice::controller
