// Messages of gRPC in the content of a stream: one byte "compressed", four bytes of length, the
// message. Follows the framing without keeping a message, however it is cut. Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::http {

enum class GrpcFault : uint8_t { kNone, kFlagInvalid, kMessageTooLarge };

class GrpcFramer {
 public:
  // `message_size_max` 0: any size.
  explicit GrpcFramer(uint32_t message_size_max = 0) : size_max_(message_size_max) {}

  // Once it is not kNone it stays so.
  GrpcFault Feed(std::string_view content);
  uint64_t message_count() const { return message_count_; }  // That ended.
  bool is_between_messages() const { return prefix_seen_ == 0 && left_ == 0; }

 private:
  static constexpr uint8_t kPrefixSize = 5;
  GrpcFault TakePrefix(uint8_t byte);

  uint32_t size_max_;
  uint32_t left_ = 0;  // Of the message, or its size so far.
  uint8_t prefix_seen_ = 0;
  GrpcFault fault_ = GrpcFault::kNone;
  uint64_t message_count_ = 0;
};

}  // namespace sluice::http
