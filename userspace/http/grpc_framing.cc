#include "userspace/http/grpc_framing.h"

#include <algorithm>

namespace sluice::http {

GrpcFault GrpcFramer::TakePrefix(uint8_t byte) {
  if (prefix_seen_ == 0) {
    if (byte > 1) return GrpcFault::kFlagInvalid;
    left_ = 0;
  } else {
    left_ = left_ << 8 | byte;
  }
  if (++prefix_seen_ < kPrefixSize) return GrpcFault::kNone;
  if (size_max_ != 0 && left_ > size_max_) return GrpcFault::kMessageTooLarge;
  if (left_ == 0) {
    prefix_seen_ = 0;
    ++message_count_;
  }
  return GrpcFault::kNone;
}

GrpcFault GrpcFramer::Feed(std::string_view content) {
  while (!content.empty() && fault_ == GrpcFault::kNone) {
    if (prefix_seen_ < kPrefixSize) {
      fault_ = TakePrefix(static_cast<uint8_t>(content[0]));
      content.remove_prefix(1);
      continue;
    }
    const auto taken = static_cast<uint32_t>(std::min<size_t>(left_, content.size()));
    content.remove_prefix(taken);
    left_ -= taken;
    if (left_ > 0) break;
    prefix_seen_ = 0;
    ++message_count_;
  }
  return fault_;
}

}  // namespace sluice::http
