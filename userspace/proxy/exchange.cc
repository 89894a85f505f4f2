#include "userspace/proxy/exchange.h"

#include <algorithm>
#include <array>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/http/h1_upgrade.h"
#include "userspace/http/websocket.h"
#include "userspace/proxy/exchange_pools.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

Exchange::Exchange(Worker& worker) : worker_(worker), timer_(&Exchange::OnTimer, this) {}

Exchange::~Exchange() { worker_.buffers().Subtract(counted_bytes_); }

void Exchange::Begin(Requester& requester, const Origin& origin) {
  requester_ = &requester;
  origin_ = origin;
  start_ns_ = worker_.now_ns();
  SetDeadline(start_ns_ + kExchangeIdleTimeout);
  CountBuffers();
  worker_.BeginWork();
}

// What is left of the last one; its timer may stay armed and then finds nothing to do.
void Exchange::Recycle() {
  config_.Reset();
  rule_ = nullptr;
  compiled_rule_ = nullptr;
  backend_ = nullptr;
  backend_name_ = {};
  cluster_ = nullptr;
  endpoint_ = {};
  endpoint_protocol_ = model::Protocol::kHttp1;
  body_ = http::BodyKind::kNone;
  status_ = 0;
  interim_count_ = 0;
  has_stats_ = is_head_ = is_connect_ = is_idempotent_ = is_http_1_0_ = false;
  is_grpc_ = is_tunnel_ = is_request_complete_ = is_answer_started_ = false;
  is_answer_empty_ = has_answer_ = has_retried_ = has_body_begun_ = false;
  rule_broken_ = {};
  request_deadline_ns_ = bytes_in_ = bytes_out_ = 0;
  upgrade_.clear();
  log_request_.clear();
  head_.clear();
  const size_t kept_max = worker_.buffers().is_short() ? 0 : kKeptBufferMax;
  for (std::string* text : {&head_, &upgrade_, &log_request_}) {
    if (text->capacity() > kept_max) std::string().swap(*text);
  }
  CountBuffers();
}

// Brings the worker's budget up to date; called at both ends and where a string may have grown.
void Exchange::CountBuffers() {
  const size_t own_size = is_over() ? 0 : kExchangeSize;
  const size_t size = own_size + head_.capacity() + upgrade_.capacity() + log_request_.capacity();
  worker_.buffers().Add(size);
  worker_.buffers().Subtract(counted_bytes_);
  counted_bytes_ = size;
}

size_t Exchange::held_bytes() const {
  return counted_bytes_ + (carrier_ != nullptr ? carrier_->held_bytes() : 0);
}

void Exchange::ForwardBody(Received& received, std::string_view part) {
  ExtendDeadline();
  bytes_in_ += part.size();
  has_body_begun_ = true;
  carrier_->ForwardBody(received, part);
}

void Exchange::EndRequest(absl::Span<const http::Header> trailers) {
  is_request_complete_ = true;
  has_body_begun_ = true;
  carrier_->EndBody(trailers);
}

void Exchange::OnAnswerDrained() {
  if (carrier_ != nullptr) carrier_->ResumeAnswer();
}

void Exchange::OnCarrierDrained() {
  if (!is_request_complete_) requester_->OnRequestRoom();
}

// A half-closed client still reads its answer, if it has asked its question.
void Exchange::OnClientEnd() {
  if (is_request_complete_) return;
  if (is_tunnel_ && CanForward())
    EndRequest({});
  else
    Abort(CloseReason::kClientClosed);
}

void Exchange::RefuseHead(uint16_t status, std::string_view rule, std::string_view text) {
  rule_broken_ = rule;
  AnswerLocally(status, CloseReason::kBadRequest, text);
}

void Exchange::RefuseBody(std::string_view rule, std::string_view text) {
  rule_broken_ = rule;
  AnswerLocally(400, CloseReason::kBadRequest, text);
}

// Whether the answer agrees to the tunnel that was asked for.
bool Exchange::IsSwitch(const http::ResponseHead& head) const {
  if (is_connect_) return head.status >= 200 && head.status < 300;
  if (upgrade_.empty()) return false;
  if (endpoint_protocol_ == model::Protocol::kHttp2) return head.status >= 200 && head.status < 300;
  return head.status == 101;
}

// A client of HTTP/2 takes any 2xx for the agreement to its extended CONNECT (RFC 8441 section 5).
// From a server of HTTP/1.1 that did not switch, it is an answer to what it took for a plain GET.
bool Exchange::IsFalseSwitch(const http::ResponseHead& head) const {
  const bool is_extended_connect = !upgrade_.empty() && !requester_->takes_framed();
  return is_extended_connect && head.status >= 200 && head.status < 300;
}

// What is wrong with an agreement to a tunnel. A server that gives the answer to CONNECT a length
// has answered it like any other request: what the client sends next would reach it past every
// route. Where a client of HTTP/2 asks for a WebSocket, its part of the handshake is ours to check.
std::string_view Exchange::SwitchFault(const http::ResponseHead& head) const {
  if (is_connect_) {
    for (const http::Header& header : head.headers()) {
      const bool is_length = header.id == http::HeaderId::kContentLength ||
                             header.id == http::HeaderId::kTransferEncoding;
      if (is_length) return "the server gave its answer to CONNECT a body";
    }
    return {};
  }
  if (endpoint_protocol_ == model::Protocol::kHttp2) return {};  // Has no word for it but 2xx.
  const std::string chosen = http::UpgradeOf(head);
  if (chosen.empty()) return "the server switched protocols and does not say to which";
  if (!http::IsChosenFrom(upgrade_, chosen)) {
    return "the server switched to another protocol than was asked for";
  }
  return makes_websocket_key() ? http::WebSocketFault(head_, head) : std::string_view();
}

void Exchange::OnAnswerHead(const http::ResponseHead& head, AnswerBody body) {
  ExtendDeadline();
  if (IsSwitch(head)) {
    const std::string_view fault = SwitchFault(head);
    if (!fault.empty()) {
      OnAnswerBad("", fault);
      return;
    }
    is_tunnel_ = true;
    is_request_complete_ = false;
    request_deadline_ns_ = 0;
    ExtendDeadline();
  } else if (head.status == 101) {
    OnAnswerBad("", "the server switched protocols unasked");
    return;
  } else if (IsFalseSwitch(head)) {
    OnAnswerBad("", "the server did not switch to the protocol that was asked for");
    return;
  } else if (head.status < 200) {
    has_answer_ = true;
    if (++interim_count_ > kInterimAnswersMax) {
      AnswerLocally(502, CloseReason::kBadResponse, "the server sends interim answers without end");
    } else if (!is_http_1_0_) {  // RFC 9110 section 15.2: never to a 1.0 client.
      bytes_out_ += requester_->WriteAnswerHead(head, {}, body);
    }
    return;
  } else if (is_http_1_0_ && head.body == http::BodyKind::kChunked &&
             body.form == BodyForm::kFramed) {
    OnAnswerBad("", CloseReasonText(CloseReason::kBadResponse));
    return;
  }
  http::ResponseRewrite rewrite;
  std::string upgrade;
  if (head.status == 101 || head.status == 426) {  // RFC 9110 sections 7.8 and 15.5.22.
    upgrade = http::UpgradeOf(head);
    rewrite.upgrade = upgrade;
  }
  if (compiled_rule_ != nullptr) {
    rewrite.rule_changes = compiled_rule_->changes.response;
    if (backend_ != nullptr) rewrite.backend_changes = backend_->changes.response;
  }
  has_answer_ = true;
  is_answer_started_ = true;
  status_ = head.status;
  const bool has_no_length = head.body == http::BodyKind::kLength && head.content_length == 0;
  is_answer_empty_ = !is_tunnel_ && (head.body == http::BodyKind::kNone || has_no_length);
  bytes_out_ += requester_->WriteAnswerHead(head, rewrite, body);
  if (is_tunnel_ && !is_over()) requester_->OnTunnel();
}

void Exchange::OnAnswerBody(Received& received, std::string_view part) {
  ExtendDeadline();
  bytes_out_ += part.size();
  requester_->ForwardAnswer(received, part);
  if (requester_->IsAnswerFull()) carrier_->PauseAnswer();
}

// The answer is whole. Not reusable: what carried it says that it is at its end.
void Exchange::OnAnswerEnd(absl::Span<const http::Header> trailers, bool is_reusable) {
  DropCarrier(is_reusable && is_request_complete_, false);
  requester_->EndAnswer(trailers);
  Finish(CloseReason::kDone);
}

void Exchange::OnAnswerBad(std::string_view rule, std::string_view text) {
  rule_broken_ = rule;
  if (EndCall(http::GrpcStatus::kInternal, CloseReason::kBadResponse, text)) return;
  AnswerLocally(502, CloseReason::kBadResponse, text);
}

// A pooled connection may have been closed by the server, or filled with bytes that nobody asked
// for, just before our request reached it. Such a request is sent again, once, on a fresh
// connection, if nothing of an answer has come, repeating it is harmless, and its body is still
// with its client.
bool Exchange::MaySendAgain(CarrierLoss loss) const {
  if (has_answer_ || has_retried_ || has_body_begun_) return false;
  if (loss == CarrierLoss::kRefused) return true;
  return carrier_->is_reused() && (is_idempotent_ || !carrier_->has_begun_sending());
}

void Exchange::SendAgain(bool reset) {
  DropCarrier(false, reset);
  has_retried_ = true;
  worker_.counters().Add(Counter::kRetries);
  Send(true);
}

void Exchange::OnCarrierUnsolicited() {
  if (MaySendAgain(CarrierLoss::kReset)) {
    SendAgain(true);
    return;
  }
  AnswerLocally(502, CloseReason::kEarlyAnswer, CloseReasonText(CloseReason::kEarlyAnswer));
}

void Exchange::OnCarrierLost(CarrierLoss loss, http::H2Reason fault) {
  // A server that keeps the call's deadline itself ends the call before our timer, which is
  // coarser, fires: that is the same end.
  if (request_deadline_ns_ != 0 && worker_.now_ns() >= request_deadline_ns_) {
    HandleTimer();
    return;
  }
  if (MaySendAgain(loss)) {
    SendAgain(loss == CarrierLoss::kReset);
    return;
  }
  if (fault != http::H2Reason::kNone) {
    OnAnswerBad(http::H2ReasonName(fault), http::H2ReasonText(fault));
    return;
  }
  if (loss == CarrierLoss::kRefused) {
    // Whoever still has the whole body may safely send it again.
    constexpr CloseReason kReason = CloseReason::kServerRefused;
    AnswerLocally(503, kReason, CloseReasonText(kReason));
    return;
  }
  const CloseReason reason =
      loss == CarrierLoss::kClosed ? CloseReason::kServerClosed : CloseReason::kServerReset;
  const http::GrpcStatus status = loss == CarrierLoss::kCancelled ? http::GrpcStatus::kCancelled
                                                                  : http::GrpcStatus::kUnavailable;
  if (EndCall(status, reason, CloseReasonText(reason))) return;
  AnswerLocally(502, reason, CloseReasonText(reason));
}

// A call of gRPC whose answer has begun is told its end in its own words: a reset would be
// "internal" to its client, whatever happened. False: it is no such call.
bool Exchange::EndCall(http::GrpcStatus status, CloseReason reason, std::string_view text) {
  if (!is_grpc_ || !is_answer_started_) return false;
  worker_.counters().AddRefused(reason);
  const std::string code = std::to_string(static_cast<int>(status));
  const std::string message =
      http::EncodeGrpcMessage(base::Concat("sluice: ", text, " (", CloseReasonLabel(reason), ")"));
  const std::array<http::Header, 3> trailers{
      {{.name = "grpc-status", .value = code},
       {.name = "grpc-message", .value = message},
       {.name = "sluice-reason", .value = CloseReasonLabel(reason)}}};
  requester_->EndAnswer(trailers);
  if (!is_over()) Finish(reason);
  return true;
}

// An answer of our own, unless the server's has begun.
void Exchange::AnswerLocally(uint16_t status, CloseReason reason, std::string_view text,
                             std::string_view headers, bool must_close) {
  if (is_answer_started_) {
    BreakOff(reason);
    return;
  }
  is_answer_started_ = true;
  status_ = status;
  std::string body;
  std::string lines(headers);
  if (reason != CloseReason::kNone) {
    body = base::Concat("sluice: ", text, " (", CloseReasonLabel(reason), ")\n");
    lines += base::Concat("sluice-reason: ", CloseReasonLabel(reason), "\r\n");
    worker_.counters().AddRefused(reason);
  }
  must_close = must_close || !is_request_complete_ || reason == CloseReason::kBadRequest;
  bytes_out_ += requester_->WriteLocalAnswer({.status = status,
                                              .reason = reason,
                                              .body = body,
                                              .headers = lines,
                                              .must_close = must_close});
  if (is_over()) return;
  Finish(reason == CloseReason::kNone ? CloseReason::kDone : reason);
}

void Exchange::DropCarrier(bool is_reusable, bool reset) {
  if (carrier_ != nullptr) std::exchange(carrier_, nullptr)->Release(is_reusable, reset);
}

// Gives back everything but what the pool's Recycle does.
void Exchange::End(CloseReason reason) {
  worker_.EndWork();
  Log(reason);
  DropCarrier(false, true);
  if (awaited_pool_ != nullptr) {
    worker_.pools().StopWaiting(*this, *std::exchange(awaited_pool_, nullptr));
  }
  endpoint_.ReleaseLoad(worker_);
  requester_ = nullptr;
  worker_.exchange_pools().exchanges.Retire(*this);
}

void Exchange::Finish(CloseReason reason) {
  Requester& requester = *requester_;
  End(reason);
  requester.OnExchangeFinished(reason, is_request_complete_);
}

// The answer has begun: its client is told by a reset. One that has no content (to HEAD, 204, 304)
// was whole with its head: whatever comes or fails behind it is between the server and us, in every
// protocol that the client speaks.
void Exchange::BreakOff(CloseReason reason) {
  if (!is_answer_empty_) {
    Abort(reason);
    return;
  }
  worker_.counters().AddRefused(reason);
  requester_->EndAnswer({});
  if (!is_over()) Finish(reason);
}

// Nothing sensible can be sent any more.
void Exchange::Abort(CloseReason reason) {
  Requester& requester = *requester_;
  End(reason);
  requester.OnExchangeAborted(reason);
}

// The timer is armed when it must fire earlier than it would; otherwise it finds a later deadline
// when it fires.
void Exchange::SetDeadline(uint64_t deadline_ns) {
  deadline_ns_ = deadline_ns;
  if (timer_.is_armed() && armed_ns_ <= deadline_ns) return;
  armed_ns_ = deadline_ns;
  worker_.timers().Arm(timer_, deadline_ns);
}

// Something was sent or came.
void Exchange::ExtendDeadline() {
  SetDeadline(worker_.now_ns() + (is_tunnel_ ? kRelayIdleTimeout : kExchangeIdleTimeout));
}

void Exchange::OnTimer(void* self) { static_cast<Exchange*>(self)->HandleTimer(); }

void Exchange::HandleTimer() {
  if (is_over()) return;
  const uint64_t now = worker_.now_ns();
  const bool has_limit = request_deadline_ns_ != 0;
  const uint64_t deadline = has_limit ? std::min(deadline_ns_, request_deadline_ns_) : deadline_ns_;
  if (now < deadline) {
    armed_ns_ = deadline;
    worker_.timers().Arm(timer_, deadline);
    return;
  }
  const bool is_request_timeout = has_limit && now >= request_deadline_ns_;
  const CloseReason reason =
      is_request_timeout ? CloseReason::kRequestTimeout : CloseReason::kIdleTimeout;
  if (EndCall(http::GrpcStatus::kDeadlineExceeded, reason, CloseReasonText(reason))) return;
  AnswerLocally(504, reason, CloseReasonText(reason));
}

void Exchange::Log(CloseReason reason) {
  const uint64_t duration_us = (worker_.now_ns() - start_ns_) / kMicrosecond;
  if (has_stats_) {
    BackendTally& tally = worker_.counters().backend(stats_id_);
    tally.requests_by_class[std::min<size_t>(status_ / 100, 5)].Add(1);
    tally.latency_us_sum.Add(duration_us);
  }
  if (!worker_.access_log().is_on()) return;
  const std::string_view request = log_request_;
  const size_t first = std::min(request.find('\0'), request.size());
  const size_t second = std::min(request.find('\0', first + 1), request.size());
  const std::string pod_name = worker_.PodName(origin_.pod_id);
  worker_.access_log().Append(
      {.protocol = origin_.protocol == model::Protocol::kHttp2 ? "http2" : "http",
       .pod = pod_name,
       .client = origin_.client,
       .dialled = origin_.dialled,
       .endpoint = endpoint_.address(),
       .method = request.substr(0, first),
       .authority =
           first < second ? request.substr(first + 1, second - first - 1) : std::string_view(),
       .path = second < request.size() ? request.substr(second + 1) : std::string_view(),
       .status = status_,
       .route = rule_ != nullptr ? std::string_view(rule_->route) : std::string_view(),
       .backend = backend_name_,
       .bytes_from_client = bytes_in_,
       .bytes_to_client = bytes_out_,
       .duration_us = duration_us,
       .reason = reason,
       .detail = rule_broken_});
}

}  // namespace sluice::proxy
