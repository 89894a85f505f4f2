#include "userspace/proxy/http_connection.h"

#include <algorithm>
#include <utility>

#include "userspace/proxy/upstream_connection.h"

namespace sluice::proxy {

HttpConnection::HttpConnection(Worker& worker, Accepted accepted)
    : worker_(worker),
      pod_id_(accepted.pod_id),
      client_(accepted.client),
      dialled_(accepted.dialled),
      downstream_(worker, *this),
      timer_(&HttpConnection::OnTimer, this) {
  worker_.counters().Add(Counter::kOpenedHttp);
  worker_.counters().Add(Counter::kActiveHttp);
  input_ = std::move(accepted.first_bytes);
  worker_.counters().Add(Counter::kBytesFromClient, input_.size());
  downstream_.Attach(std::move(accepted.fd));
  downstream_.StartReceiving();
  SetDeadline(worker_.now_ns() + worker_.limits().request_head_timeout_ns);
}

HttpConnection::~HttpConnection() {
  worker_.buffers().Subtract(counted_bytes_);
  worker_.counters().Subtract(Counter::kActiveHttp);
  worker_.counters().AddClosed(close_reason_);
}

void HttpConnection::OnReceive(Stream&, Received& received) {
  worker_.counters().Add(Counter::kBytesFromClient, received.data.size());
  TakeInput(received);
  CountBuffers();
}

void HttpConnection::TakeInput(Received& received) {
  switch (state_) {
    case State::kHead: {
      const bool is_first_part = input_.empty();
      if (is_first_part && !downstream_.is_above_high_mark()) {
        const size_t used = ReadHead(received.data);
        received.data.remove_prefix(used);
        if (state_ == State::kExchange && used > 0) TakeBody(received);
      }
      // What is left, and everything that comes behind bytes already kept, waits in input_.
      if (state_ != State::kLastSend && state_ != State::kClosed) input_.append(received.data);
      ProcessInput();
      if (state_ == State::kHead && is_first_part && !input_.empty()) {
        SetDeadline(worker_.now_ns() + worker_.limits().request_head_timeout_ns);
      }
      return;
    }
    case State::kExchange:
      deadline_ns_ = worker_.now_ns() + kExchangeIdleTimeout;
      if (input_.empty()) TakeBody(received);
      input_.append(received.data);
      if (input_.size() > kPipelinedInputMax) downstream_.PauseReceiving();
      return;
    case State::kLastSend:
      exchange_.bytes_in += received.data.size();
      if (exchange_.bytes_in > kDiscardedBodyMax) Close(CloseReason::kDiscardLimit, true);
      return;
    case State::kClosed:
      return;
  }
}

// Uses up input_ as far as the state allows; the loop, not recursion, serves pipelined requests.
void HttpConnection::ProcessInput() {
  if (is_processing_) return;
  is_processing_ = true;
  bool has_progress = true;
  while (has_progress && !input_.empty()) {
    Received rest{.data = input_};
    if (state_ == State::kHead && downstream_.is_above_high_mark()) {
      downstream_.PauseReceiving();  // Answers that the client does not read: no more questions.
      break;
    }
    if (state_ == State::kHead) {
      rest.data.remove_prefix(ReadHead(rest.data));
    } else if (state_ == State::kExchange && !exchange_.is_request_complete) {
      TakeBody(rest);
    }
    if (state_ == State::kLastSend || state_ == State::kClosed) rest.data = {};
    has_progress = rest.data.size() < input_.size();
    input_.erase(0, input_.size() - rest.data.size());
  }
  if (input_.empty() && input_.capacity() > 1024) input_.shrink_to_fit();
  is_processing_ = false;
  if (state_ == State::kHead && downstream_.is_input_over() && !downstream_.is_above_high_mark()) {
    StartLastSend(input_.empty() ? CloseReason::kDone : CloseReason::kClientClosed);
  }
}

// Returns how many bytes the head used: 0 if it is not complete, everything if it is refused.
size_t HttpConnection::ReadHead(std::string_view input) {
  http::RequestHead& head = worker_.request_scratch();
  const http::ParseResult result =
      http::ParseRequestHead(input, input_scanned_, kHttpLimits, &head);
  switch (result.status) {
    case http::ParseStatus::kNeedMore:
      input_scanned_ = result.scanned;
      return 0;
    case http::ParseStatus::kBad:
      input_scanned_ = 0;
      BeginExchange();
      exchange_ = {.is_keep_alive = false,
                   .refusal = http::BadReasonName(result.bad),
                   .start_ns = worker_.now_ns()};
      AnswerLocally(http::BadReasonStatus(result.bad), CloseReason::kBadRequest,
                    http::BadReasonText(result.bad));
      return input.size();
    case http::ParseStatus::kComplete:
      break;
  }
  input_scanned_ = 0;
  BeginExchange();
  StartExchange(head);
  return head.head_size;
}

// Forwards what of `received` belongs to the request's body; leaves the rest in it. Before the
// upstream is there nothing is taken: the bytes wait in input_ and the client is held back.
void HttpConnection::TakeBody(Received& received) {
  if (exchange_.is_request_complete || received.data.empty()) return;
  if (upstream_ == nullptr || !upstream_->is_connected()) {
    downstream_.PauseReceiving();
    return;
  }
  const http::BodyFramer::Progress progress = request_body_.Feed(received.data);
  if (progress.status == http::ParseStatus::kBad) {
    exchange_.refusal = http::BadReasonName(progress.bad);
    AnswerLocally(400, CloseReason::kBadRequest, http::BadReasonText(progress.bad));
    received.data = {};
    return;
  }
  upstream_->stream().Forward(received, received.data.substr(0, progress.consumed));
  exchange_.bytes_in += progress.consumed;
  received.data.remove_prefix(progress.consumed);
  exchange_.is_request_complete = progress.status == http::ParseStatus::kComplete;
  if (!exchange_.is_request_complete && upstream_->stream().is_above_high_mark()) {
    downstream_.PauseReceiving();
  }
}

void HttpConnection::OnReceiveEnd(Stream&) {
  switch (state_) {
    case State::kHead:
      if (downstream_.is_above_high_mark()) return;  // Requests are left: OnSendDrained goes on.
      if (downstream_.queued_size() > 0)
        StartLastSend(CloseReason::kDone);
      else
        Close(input_.empty() ? CloseReason::kDone : CloseReason::kClientClosed, false);
      return;
    case State::kExchange:
      // A half-closed client still reads its answers, if it has asked its questions.
      if (!exchange_.is_request_complete && input_.empty())
        AbortExchange(CloseReason::kClientClosed);
      return;
    case State::kLastSend:
      if (downstream_.has_sent_fin()) Close(close_reason_, false);
      return;
    case State::kClosed:
      return;
  }
}

void HttpConnection::OnSendDrained(Stream&) {
  if (state_ == State::kLastSend && downstream_.has_sent_fin() && downstream_.has_received_end()) {
    Close(close_reason_, false);
    return;
  }
  if (upstream_ != nullptr && upstream_->is_connected()) upstream_->stream().StartReceiving();
  if (state_ == State::kHead) {
    downstream_.StartReceiving();
    ProcessInput();
  }
}

void HttpConnection::OnBroken(Stream&, int) {
  if (state_ == State::kExchange)
    AbortExchange(CloseReason::kClientReset);
  else
    Close(state_ == State::kHead ? CloseReason::kClientReset : close_reason_, true);
}

void HttpConnection::OnClosed(Stream&) { worker_.FreeSession(*this); }

void HttpConnection::Abandon(CloseReason reason) {
  if (state_ == State::kExchange)
    AbortExchange(reason);
  else
    Close(reason, false);
}

void HttpConnection::Drain() {
  must_close_ = true;
  if (state_ == State::kHead && input_.empty()) Close(CloseReason::kDraining, false);
}

void HttpConnection::Close(CloseReason reason, bool reset) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  close_reason_ = reason;
  timer_.Disarm();
  input_.clear();
  FreeLargeBuffers();
  downstream_.Close(reset);
}

// The timer is armed when it must fire earlier than it would; otherwise it finds a later deadline
// when it fires.
void HttpConnection::SetDeadline(uint64_t deadline_ns) {
  deadline_ns_ = deadline_ns;
  if (timer_.is_armed() && armed_ns_ <= deadline_ns) return;
  armed_ns_ = deadline_ns;
  worker_.timers().Arm(timer_, deadline_ns);
}

void HttpConnection::OnTimer(void* self) { static_cast<HttpConnection*>(self)->HandleTimer(); }

void HttpConnection::HandleTimer() {
  const uint64_t now = worker_.now_ns();
  uint64_t deadline = deadline_ns_;
  if (state_ == State::kExchange && exchange_.request_deadline_ns != 0) {
    deadline = std::min(deadline, exchange_.request_deadline_ns);
  }
  if (now < deadline) {
    armed_ns_ = deadline;
    worker_.timers().Arm(timer_, deadline);
    return;
  }
  switch (state_) {
    case State::kHead:
      Close(input_.empty() ? CloseReason::kIdleTimeout : CloseReason::kHeadTimeout, false);
      return;
    case State::kExchange: {
      const bool is_request_timeout =
          exchange_.request_deadline_ns != 0 && now >= exchange_.request_deadline_ns;
      const CloseReason reason =
          is_request_timeout ? CloseReason::kRequestTimeout : CloseReason::kIdleTimeout;
      AnswerLocally(504, reason, CloseReasonText(reason));
      return;
    }
    case State::kLastSend:
      Close(close_reason_, false);
      return;
    case State::kClosed:
      return;
  }
}

void HttpConnection::BeginExchange() {
  state_ = State::kExchange;
  worker_.BeginWork();
}

// Gives back everything an exchange held.
void HttpConnection::EndExchange(CloseReason reason) {
  worker_.EndWork();
  LogExchange(reason);
  DropUpstream(false, true);
  exchange_.endpoint.ReleaseLoad(worker_);
  config_.Reset();
  exchange_ = {};
  upstream_input_.clear();
  upstream_scanned_ = 0;
  FreeLargeBuffers();
}

void HttpConnection::StartLastSend(CloseReason reason) {
  state_ = State::kLastSend;
  close_reason_ = reason;
  input_.clear();
  FreeLargeBuffers();
  downstream_.FinishSending();
  downstream_.StartReceiving();
  SetDeadline(worker_.now_ns() + kLingerTimeout);
}

void HttpConnection::FinishExchange(CloseReason reason) {
  const bool was_complete = exchange_.is_request_complete;
  const bool has_answered = exchange_.is_answer_started;
  EndExchange(reason);
  if (!has_answered) {
    Close(reason, true);
    return;
  }
  if (must_close_ || !was_complete || worker_.is_draining() || HasNoMoreRequests()) {
    StartLastSend(reason);
    return;
  }
  state_ = State::kHead;
  SetDeadline(worker_.now_ns() +
              (input_.empty() ? kDownstreamIdleTimeout : worker_.limits().request_head_timeout_ns));
  downstream_.StartReceiving();
  ProcessInput();
}

}  // namespace sluice::proxy
