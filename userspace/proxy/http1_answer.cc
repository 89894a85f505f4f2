// Http1Connection: what its exchange tells it to write, and what follows from the exchange's end.
#include <utility>

#include "userspace/proxy/http1_connection.h"

namespace sluice::proxy {
namespace {

// HTTP/1.0 has no chunks: content without a length ends with the connection.
http::ResponseHead UntilClose(const http::ResponseHead& head) {
  http::ResponseHead other = head;
  other.body = http::BodyKind::kUntilClose;
  for (uint32_t i = 0; i < other.header_count; ++i) {
    http::Header& header = other.header_array[i];
    if (header.id == http::HeaderId::kTransferEncoding) header.is_hop_by_hop = true;
  }
  return other;
}

}  // namespace

size_t Http1Connection::WriteAnswerHead(const http::ResponseHead& head,
                                        const http::ResponseRewrite& rewrite, AnswerBody body) {
  if (is_http_1_0_ && head.body == http::BodyKind::kChunked) {
    return WriteAnswerHead(UntilClose(head), rewrite, body);
  }
  http::ResponseRewrite own = rewrite;
  if (head.status >= 200) {
    if (head.body == http::BodyKind::kUntilClose || !exchange_->is_request_complete() ||
        worker_.is_draining() || HasNoMoreRequests()) {
      must_close_ = true;
    }
    own.close = must_close_ && !exchange_->is_tunnel();
    own.keep_alive_for_1_0 = is_http_1_0_ && !must_close_;
    answer_writer_.Start(body.form, head.body);
  }
  const size_t bound = http::ResponseHeadBound(head, own);
  char* bytes = worker_.byte_scratch(bound);
  const std::string_view text(bytes, http::WriteResponseHead(head, own, bytes, bound));
  downstream_.Write(text);
  worker_.counters().Add(Counter::kBytesToClient, text.size());
  return text.size();
}

void Http1Connection::ForwardAnswer(Received& received, std::string_view part) {
  worker_.counters().Add(Counter::kBytesToClient, part.size());
  answer_writer_.Write(downstream_, received, part);
}

void Http1Connection::EndAnswer(absl::Span<const http::Header> trailers) {
  answer_writer_.End(downstream_, trailers);
}

size_t Http1Connection::WriteLocalAnswer(const LocalAnswer& answer) {
  if (answer.must_close) must_close_ = true;
  const std::string text = http::LocalResponse(answer.status, answer.body, answer.headers,
                                               must_close_, exchange_->is_head());
  downstream_.Write(text);
  worker_.counters().Add(Counter::kBytesToClient, text.size());
  return text.size();
}

void Http1Connection::OnRequestRoom() {
  downstream_.StartReceiving();
  ProcessInput();
}

// What comes now belongs to the tunnel, and so does what came already.
void Http1Connection::OnTunnel() {
  must_close_ = true;
  request_body_.Start(http::BodyKind::kUntilClose, 0, kHttpLimits);
  OnRequestRoom();
}

void Http1Connection::OnExchangeFinished(CloseReason reason, bool was_request_complete) {
  exchange_ = nullptr;
  if (must_close_ || !was_request_complete || worker_.is_draining() || HasNoMoreRequests()) {
    StartLastSend(reason);
    return;
  }
  state_ = State::kHead;
  FreeLargeInput();
  SetDeadline(worker_.now_ns() +
              (input_.empty() ? kDownstreamIdleTimeout : worker_.limits().request_head_timeout_ns));
  downstream_.StartReceiving();
  ProcessInput();
}

void Http1Connection::OnExchangeAborted(CloseReason reason) {
  exchange_ = nullptr;
  Close(reason, true);
}

}  // namespace sluice::proxy
