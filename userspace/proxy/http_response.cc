// HttpConnection: from the endpoint's bytes, or its silence, to the answer the client gets.
#include <algorithm>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/proxy/http_connection.h"
#include "userspace/proxy/upstream_connection.h"

namespace sluice::proxy {

void HttpConnection::OnUpstreamReceive(Received& received) {
  deadline_ns_ = worker_.now_ns() + kExchangeIdleTimeout;
  if (is_response_head_done_) {
    ReadResponse(received);
    return;
  }
  const UpstreamConnection* const source = upstream_;  // Another one: that exchange is over.
  if (upstream_input_.empty()) {
    received.data.remove_prefix(ReadResponseHead(received.data));
    if (upstream_ != source) return;
    if (is_response_head_done_)
      ReadResponse(received);
    else if (state_ == State::kExchange)
      upstream_input_.assign(received.data);
    CountBuffers();
    return;
  }
  upstream_input_.append(received.data);
  CountBuffers();
  const size_t used = ReadResponseHead(upstream_input_);
  if (upstream_ != source || state_ != State::kExchange) return;
  std::string rest = upstream_input_.substr(used);
  upstream_input_.clear();
  if (is_response_head_done_) {
    Received part{.data = rest};
    ReadResponse(part);
  } else {
    upstream_input_ = std::move(rest);
  }
}

// Forwards interim answers and then the final head; returns how many bytes those heads used.
size_t HttpConnection::ReadResponseHead(std::string_view input) {
  size_t used = 0;
  const UpstreamConnection* const source = upstream_;  // Another one: that exchange is over.
  while (state_ == State::kExchange && !is_response_head_done_) {
    http::ResponseHead& head = worker_.response_scratch();
    const std::string_view method = exchange_.is_head ? "HEAD" : "GET";
    const http::ParseResult result =
        http::ParseResponseHead(input.substr(used), upstream_scanned_, kHttpLimits, method, &head);
    if (result.status == http::ParseStatus::kNeedMore) {
      upstream_scanned_ = result.scanned;
      return used;
    }
    upstream_scanned_ = 0;
    const bool is_chunked_for_old_client =
        exchange_.is_http_1_0 && head.body == http::BodyKind::kChunked;
    if (result.status == http::ParseStatus::kBad)
      exchange_.refusal = http::BadReasonName(result.bad);
    if (result.status == http::ParseStatus::kBad || head.status == 101 ||
        is_chunked_for_old_client) {
      AnswerLocally(502, CloseReason::kBadResponse,
                    result.status == http::ParseStatus::kBad
                        ? http::BadReasonText(result.bad)
                        : CloseReasonText(CloseReason::kBadResponse));
      return input.size();
    }
    used += head.head_size;
    ForwardResponseHead(head);
    if (upstream_ != source) return input.size();
  }
  return used;
}

void HttpConnection::ForwardResponseHead(const http::ResponseHead& head) {
  const bool is_interim = head.status < 200;
  if (is_interim && ++exchange_.interim_count > kInterimAnswersMax) {
    AnswerLocally(502, CloseReason::kBadResponse, "the server sends interim answers without end");
    return;
  }
  if (is_interim && exchange_.is_http_1_0) return;  // RFC 9110 section 15.2: never to a 1.0 client.
  http::ResponseRewrite rewrite;
  if (!is_interim) {
    if (head.body == http::BodyKind::kUntilClose || !exchange_.is_request_complete ||
        worker_.is_draining() || HasNoMoreRequests()) {
      must_close_ = true;
    }
    rewrite.close = must_close_;
    rewrite.keep_alive_for_1_0 = exchange_.is_http_1_0 && !must_close_;
    if (exchange_.compiled_rule != nullptr) {
      rewrite.rule_changes = exchange_.compiled_rule->changes.response;
      if (exchange_.backend != nullptr)
        rewrite.backend_changes = exchange_.backend->changes.response;
    }
    is_response_head_done_ = true;
    exchange_.is_answer_started = true;
    exchange_.status = head.status;
    exchange_.is_upstream_keep_alive =
        head.is_keep_alive && head.body != http::BodyKind::kUntilClose;
    response_body_.Start(head.body, head.content_length, kHttpLimits);
  }
  const size_t bound = http::ResponseHeadBound(head, rewrite);
  char* bytes = worker_.byte_scratch(bound);
  const std::string_view text(bytes, http::WriteResponseHead(head, rewrite, bytes, bound));
  downstream_.Write(text);
  exchange_.bytes_out += text.size();
  worker_.counters().Add(Counter::kBytesToClient, text.size());
}

void HttpConnection::ReadResponse(Received& received) {
  http::BodyFramer::Progress progress{.status = http::ParseStatus::kComplete};
  if (!response_body_.is_complete()) progress = response_body_.Feed(received.data);
  if (progress.status == http::ParseStatus::kBad) {
    exchange_.refusal = http::BadReasonName(progress.bad);
    AbortExchange(CloseReason::kBadResponse);
    return;
  }
  const std::string_view part = received.data.substr(0, progress.consumed);
  const size_t rest = received.data.size() - progress.consumed;
  exchange_.bytes_out += part.size();
  worker_.counters().Add(Counter::kBytesToClient, part.size());
  downstream_.Forward(received, part);
  if (progress.status == http::ParseStatus::kComplete) {
    FinishResponse(rest == 0);
  } else if (downstream_.is_above_high_mark()) {
    upstream_->stream().PauseReceiving();
  }
}

// The answer is complete. `is_clean`: the server sent nothing behind it.
void HttpConnection::FinishResponse(bool is_clean) {
  const bool is_reusable =
      is_clean && exchange_.is_upstream_keep_alive && exchange_.is_request_complete;
  DropUpstream(is_reusable, !is_clean);
  FinishExchange(CloseReason::kDone);
}

void HttpConnection::OnUpstreamEnd() {
  if (is_response_head_done_ && response_body_.IsCompleteAtClose()) {
    FinishResponse(true);
    return;
  }
  HandleUpstreamGone(false);
}

void HttpConnection::OnUpstreamBroken(int) { HandleUpstreamGone(true); }

// A pooled connection may have been closed by the server, or filled with bytes that nobody asked
// for, just before our request reached it. Such a request is sent again, once, on a fresh
// connection, if nothing of an answer has come and repeating it is harmless.
bool HttpConnection::MaySendAgain() const {
  return upstream_->is_reused() && !is_response_head_done_ && upstream_input_.empty() &&
         !exchange_.has_retried && !exchange_.has_body &&
         (exchange_.is_idempotent || !upstream_->has_begun_sending());
}

void HttpConnection::SendAgain(bool reset) {
  DropUpstream(false, reset);
  exchange_.has_retried = true;
  worker_.counters().Add(Counter::kRetries);
  Send(true);
}

void HttpConnection::OnUpstreamUnsolicited() {
  if (MaySendAgain()) {
    SendAgain(true);
    return;
  }
  AnswerLocally(502, CloseReason::kEarlyAnswer, CloseReasonText(CloseReason::kEarlyAnswer));
}

void HttpConnection::HandleUpstreamGone(bool is_reset) {
  if (MaySendAgain()) {
    SendAgain(is_reset);
    return;
  }
  const CloseReason reason = is_reset ? CloseReason::kServerReset : CloseReason::kServerClosed;
  AnswerLocally(502, reason, CloseReasonText(reason));
}

void HttpConnection::OnUpstreamDrained() {
  if (state_ == State::kExchange && !exchange_.is_request_complete) downstream_.StartReceiving();
}

// An answer of our own, unless the server's has begun: then the client is told by a reset.
void HttpConnection::AnswerLocally(uint16_t status, CloseReason reason, std::string_view text,
                                   std::string_view extra_headers) {
  if (exchange_.is_answer_started) {
    AbortExchange(reason);
    return;
  }
  if (!exchange_.is_request_complete || reason == CloseReason::kBadRequest) must_close_ = true;
  exchange_.is_answer_started = true;
  exchange_.status = status;
  std::string body;
  std::string headers(extra_headers);
  if (reason != CloseReason::kNone) {
    body = base::Concat("sluice: ", text, " (", CloseReasonLabel(reason), ")\n");
    headers += base::Concat("sluice-reason: ", CloseReasonLabel(reason), "\r\n");
    worker_.counters().AddRefused(reason);
  }
  const std::string answer =
      http::LocalResponse(status, body, headers, must_close_, exchange_.is_head);
  downstream_.Write(answer);
  exchange_.bytes_out += answer.size();
  worker_.counters().Add(Counter::kBytesToClient, answer.size());
  FinishExchange(reason == CloseReason::kNone ? CloseReason::kDone : reason);
}

// Nothing sensible can be sent any more.
void HttpConnection::AbortExchange(CloseReason reason) {
  EndExchange(reason);
  Close(reason, true);
}

void HttpConnection::DropUpstream(bool is_reusable, bool reset) {
  if (upstream_ == nullptr) return;
  std::exchange(upstream_, nullptr)->Release(is_reusable, reset);
}

void HttpConnection::LogExchange(CloseReason reason) {
  const uint64_t duration_us = (worker_.now_ns() - exchange_.start_ns) / kMicrosecond;
  if (exchange_.has_stats) {
    BackendTally& tally = worker_.counters().backend(exchange_.stats_id);
    tally.requests_by_class[std::min<size_t>(exchange_.status / 100, 5)].Add(1);
    tally.latency_us_sum.Add(duration_us);
  }
  if (!worker_.access_log().is_on()) return;
  const std::string_view request = log_request_;
  const size_t first = std::min(request.find('\0'), request.size());
  const size_t second = std::min(request.find('\0', first + 1), request.size());
  const std::string pod_name = worker_.PodName(pod_id_);
  worker_.access_log().Append(
      {.protocol = "http",
       .pod = pod_name,
       .client = client_,
       .dialled = dialled_,
       .endpoint = exchange_.endpoint.address(),
       .method = request.substr(0, first),
       .authority =
           first < second ? request.substr(first + 1, second - first - 1) : std::string_view(),
       .path = second < request.size() ? request.substr(second + 1) : std::string_view(),
       .status = exchange_.status,
       .route =
           exchange_.rule != nullptr ? std::string_view(exchange_.rule->route) : std::string_view(),
       .backend = exchange_.backend_name,
       .bytes_from_client = exchange_.bytes_in,
       .bytes_to_client = exchange_.bytes_out,
       .duration_us = duration_us,
       .reason = reason,
       .detail = exchange_.refusal});
  log_request_.clear();
}

}  // namespace sluice::proxy
