// HttpConnection: what it holds in memory of its own, and how it gives that back.
#include <string>

#include "userspace/proxy/http_connection.h"
#include "userspace/proxy/upstream_connection.h"

namespace sluice::proxy {

size_t HttpConnection::held_bytes() const {
  return counted_bytes_ + downstream_.held_bytes() +
         (upstream_ != nullptr ? upstream_->stream().held_bytes() : 0);
}

// Brings the worker's budget up to date; called where one of the strings may have grown.
void HttpConnection::CountBuffers() {
  const size_t size = input_.capacity() + upstream_input_.capacity() + request_head_.capacity() +
                      log_request_.capacity();
  worker_.buffers().Add(size);
  worker_.buffers().Subtract(counted_bytes_);
  counted_bytes_ = size;
}

// Small ones are kept: the next request needs them. A connection that has had one large head would
// otherwise hold its size for as long as it idles.
void HttpConnection::FreeLargeBuffers() {
  const size_t kept_max = worker_.buffers().is_short() ? 0 : kKeptBufferMax;
  const auto free_if_large = [kept_max](std::string& text) {
    if (text.capacity() > kept_max) std::string().swap(text);
  };
  if (input_.empty()) free_if_large(input_);
  free_if_large(upstream_input_);
  free_if_large(request_head_);
  free_if_large(log_request_);
  CountBuffers();
}

void HttpConnection::Shed() {
  constexpr CloseReason kReason = CloseReason::kMemoryLimit;
  // An answer of ours behind answers that nobody reads would only hold them longer.
  const bool can_answer = !downstream_.is_above_high_mark() &&
                          downstream_.queued_size() <= kSendQueueLeast &&
                          !exchange_.is_answer_started;
  if (state_ == State::kHead && input_.empty()) {
    Close(kReason, false);  // Asked nothing: an answer would be taken for that to its next request.
    return;
  }
  if (state_ == State::kHead && can_answer) {
    BeginExchange();
    exchange_ = {.is_keep_alive = false, .start_ns = worker_.now_ns()};
  }
  if (state_ != State::kExchange) {
    Close(kReason, true);
  } else if (can_answer) {
    must_close_ = true;
    AnswerLocally(503, kReason, CloseReasonText(kReason));
  } else {
    AbortExchange(kReason);
  }
}

}  // namespace sluice::proxy
