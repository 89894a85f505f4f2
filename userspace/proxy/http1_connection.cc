#include "userspace/proxy/http1_connection.h"

#include <algorithm>
#include <utility>

#include "userspace/proxy/exchange_pools.h"
#include "userspace/proxy/held_trailers.h"

namespace sluice::proxy {

// What a client costs that keeps its connection and asks nothing: with the allocator's share and
// what the worker keeps for it, below 0.75 KiB (bench/scenarios/idle-asked.yaml).
static_assert(sizeof(Http1Connection) <= 560);

Http1Connection::Http1Connection(Worker& worker, Accepted accepted)
    : worker_(worker),
      pod_id_(accepted.pod_id),
      client_(accepted.client),
      dialled_(accepted.dialled),
      downstream_(worker, *this),
      timer_(&Http1Connection::OnTimer, this) {
  worker_.counters().Add(Counter::kOpenedHttp);
  worker_.counters().Add(Counter::kActiveHttp);
  input_ = std::move(accepted.first_bytes);
  worker_.counters().Add(Counter::kBytesFromClient, input_.size());
  downstream_.Attach(std::move(accepted.fd));
  downstream_.BreakWhilePaused();
  downstream_.StartReceiving();
  SetDeadline(worker_.now_ns() + worker_.limits().request_head_timeout_ns);
}

Http1Connection::~Http1Connection() {
  worker_.buffers().Subtract(counted_bytes_);
  worker_.counters().Subtract(Counter::kActiveHttp);
  worker_.counters().AddClosed(close_reason_);
}

void Http1Connection::OnReceive(Stream&, Received& received) {
  worker_.counters().Add(Counter::kBytesFromClient, received.data.size());
  TakeInput(received);
  CountInput();
}

void Http1Connection::TakeInput(Received& received) {
  switch (state_) {
    case State::kHead: {
      const bool is_first_part = input_.empty();
      if (is_first_part && !downstream_.is_above_high_mark()) {
        const size_t used = ReadHead(received.data);
        received.data.remove_prefix(used);
        if (state_ == State::kExchange && used > 0) TakeBody(received);
      }
      // What is left, and everything that comes behind bytes already kept, waits in input_.
      if (state_ != State::kLastSend && state_ != State::kClosed) AppendHead(received.data, input_);
      ProcessInput();
      if (state_ == State::kHead && is_first_part && !input_.empty()) {
        SetDeadline(worker_.now_ns() + worker_.limits().request_head_timeout_ns);
      }
      return;
    }
    case State::kExchange:
      if (input_.empty()) TakeBody(received);
      AppendHead(received.data, input_);
      if (input_.size() > kPipelinedInputMax) downstream_.PauseReceiving();
      return;
    case State::kLastSend:
      discarded_bytes_ += static_cast<uint32_t>(received.data.size());
      if (discarded_bytes_ > kDiscardedBodyMax) Close(CloseReason::kDiscardLimit, true);
      return;
    case State::kClosed:
      return;
  }
}

// Uses up input_ as far as the state and the worker's turn allow; the loop, not recursion, serves
// pipelined requests.
void Http1Connection::ProcessInput() {
  if (is_processing_ || downstream_.is_put_back()) return;
  is_processing_ = true;
  const uint32_t spent_before = worker_.turn_share().spent();
  bool has_progress = true;
  while (has_progress && !input_.empty() && !downstream_.is_put_back()) {
    Received rest{.data = input_};
    if (state_ == State::kHead && downstream_.is_above_high_mark()) {
      downstream_.PauseReceiving();  // Answers that the client does not read: no more questions.
      break;
    }
    if (state_ == State::kHead && worker_.turn_share().IsSpentSince(spent_before)) {
      downstream_.PutBack({});
      break;
    }
    if (state_ == State::kHead) {
      rest.data.remove_prefix(ReadHead(rest.data));
    } else if (state_ == State::kExchange) {
      TakeBody(rest);
    }
    if (state_ == State::kLastSend || state_ == State::kClosed) rest.data = {};
    has_progress = rest.data.size() < input_.size();
    input_.erase(0, input_.size() - rest.data.size());
  }
  if (input_.empty() && input_.capacity() > 1024) input_.shrink_to_fit();
  is_processing_ = false;
  if (downstream_.is_input_over() && !downstream_.is_put_back()) EndInput();
}

// The client's FIN came before what is dealt with now.
void Http1Connection::EndInput() {
  if (state_ == State::kExchange && input_.empty())
    exchange_->OnClientEnd();
  else if (state_ == State::kHead && !downstream_.is_above_high_mark())
    StartLastSend(input_.empty() ? CloseReason::kDone : CloseReason::kClientClosed);
}

// Returns how many bytes the head used: 0 if it is not complete, everything if it is refused.
size_t Http1Connection::ReadHead(std::string_view input) {
  http::RequestHead& head = worker_.request_scratch();
  const http::ParseResult result =
      http::ParseRequestHead(input, input_scanned_, kHttpLimits, &head);
  if (result.status == http::ParseStatus::kNeedMore) {
    input_scanned_ = result.scanned;
    return 0;
  }
  input_scanned_ = 0;
  BeginExchange();
  if (result.status == http::ParseStatus::kBad) {
    exchange_->RefuseHead(http::BadReasonStatus(result.bad), http::BadReasonName(result.bad),
                          http::BadReasonText(result.bad));
    return input.size();
  }
  is_http_1_0_ = head.minor_version == 0;
  if (!head.is_keep_alive) must_close_ = true;
  request_body_.Start(head.body, head.content_length, kHttpLimits);
  exchange_->Start(head);
  return head.head_size;
}

void Http1Connection::BeginExchange() {
  state_ = State::kExchange;
  exchange_ = &worker_.exchange_pools().exchanges.Take(worker_);
  exchange_->Begin(*this, {.pod_id = pod_id_, .client = client_, .dialled = dialled_});
}

// Forwards what of `received` belongs to the request's body; leaves the rest in it. Before an
// endpoint is there nothing is taken: the bytes wait in input_ and the client is held back.
void Http1Connection::TakeBody(Received& received) {
  if (exchange_->is_request_complete() || received.data.empty()) return;
  if (!exchange_->CanForward()) {
    downstream_.PauseReceiving();
    return;
  }
  if (!exchange_->wants_framed()) {
    TakeBodyPieces(received);
    return;
  }
  const http::BodyFramer::Progress progress = request_body_.Feed(received.data);
  if (progress.status == http::ParseStatus::kBad) {
    exchange_->RefuseBody(http::BadReasonName(progress.bad), http::BadReasonText(progress.bad));
    received.data = {};
    return;
  }
  exchange_->ForwardBody(received, received.data.substr(0, progress.consumed));
  received.data.remove_prefix(progress.consumed);
  if (progress.status == http::ParseStatus::kComplete)
    exchange_->EndRequest({});
  else if (exchange_->IsBodyFull())
    downstream_.PauseReceiving();
}

// For an endpoint that speaks HTTP/2.
void Http1Connection::TakeBodyPieces(Received& received) {
  TurnShare& share = worker_.turn_share();
  const uint32_t spent_before = share.spent();
  const http::BodyFramer::Progress progress =
      body_reader_.Read(request_body_, &received.data, [&](std::string_view piece) {
        share.Count(1);
        if (exchange_ != nullptr) exchange_->ForwardBody(received, piece);
        return !share.IsSpentSince(spent_before);
      });
  if (exchange_ == nullptr) return;
  if (progress.status == http::ParseStatus::kBad) {
    received.data = {};
    exchange_->RefuseBody(http::BadReasonName(progress.bad), http::BadReasonText(progress.bad));
  } else if (progress.status == http::ParseStatus::kComplete) {
    TrailerRoom room;
    const std::string lines = body_reader_.TakeTrailers();
    exchange_->EndRequest(ReadTrailerLines(lines, room));
  } else if (exchange_->IsBodyFull()) {
    downstream_.PauseReceiving();
  } else if (!received.data.empty()) {
    downstream_.PutBack({});
  }
}

void Http1Connection::OnReceiveEnd(Stream&) {
  switch (state_) {
    case State::kHead:
      if (downstream_.is_above_high_mark()) return;  // Requests are left: OnSendDrained goes on.
      if (downstream_.queued_size() > 0)
        StartLastSend(CloseReason::kDone);
      else
        Close(input_.empty() ? CloseReason::kDone : CloseReason::kClientClosed, false);
      return;
    case State::kExchange:
      if (input_.empty()) exchange_->OnClientEnd();
      return;
    case State::kLastSend:
      if (downstream_.has_sent_fin()) Close(close_reason_, false);
      return;
    case State::kClosed:
      return;
  }
}

void Http1Connection::OnSendDrained(Stream&) {
  if (state_ == State::kLastSend && downstream_.has_sent_fin() && downstream_.has_received_end()) {
    Close(close_reason_, false);
    return;
  }
  if (exchange_ != nullptr) exchange_->OnAnswerDrained();
  if (state_ == State::kHead) {
    downstream_.StartReceiving();
    ProcessInput();
  }
}

void Http1Connection::OnBroken(Stream&, int) {
  if (state_ == State::kExchange)
    exchange_->Abort(CloseReason::kClientReset);
  else
    Close(state_ == State::kHead ? CloseReason::kClientReset : close_reason_, true);
}

void Http1Connection::OnClosed(Stream&) { worker_.FreeSession(*this); }

void Http1Connection::Abandon(CloseReason reason) {
  if (state_ == State::kExchange)
    exchange_->Abort(reason);
  else
    Close(reason, false);
}

void Http1Connection::Drain() {
  must_close_ = true;
  if (state_ == State::kHead && input_.empty()) Close(CloseReason::kDraining, false);
}

void Http1Connection::Close(CloseReason reason, bool reset) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  close_reason_ = reason;
  timer_.Disarm();
  input_.clear();
  FreeLargeInput();
  downstream_.Close(reset);
}

// The timer is armed when it must fire earlier than it would; otherwise it finds a later deadline
// when it fires.
void Http1Connection::SetDeadline(uint64_t deadline_ns) {
  deadline_ns_ = deadline_ns;
  if (timer_.is_armed() && armed_ns_ <= deadline_ns) return;
  armed_ns_ = deadline_ns;
  worker_.timers().Arm(timer_, deadline_ns);
}

void Http1Connection::OnTimer(void* self) { static_cast<Http1Connection*>(self)->HandleTimer(); }

void Http1Connection::HandleTimer() {
  if (state_ == State::kExchange) return;  // The exchange has its own; the next state arms again.
  const uint64_t now = worker_.now_ns();
  if (now < deadline_ns_) {
    armed_ns_ = deadline_ns_;
    worker_.timers().Arm(timer_, deadline_ns_);
    return;
  }
  if (state_ == State::kHead)
    Close(input_.empty() ? CloseReason::kIdleTimeout : CloseReason::kHeadTimeout, false);
  else
    Close(close_reason_, false);
}

void Http1Connection::StartLastSend(CloseReason reason) {
  state_ = State::kLastSend;
  close_reason_ = reason;
  input_.clear();
  FreeLargeInput();
  downstream_.FinishSending();
  downstream_.StartReceiving();
  SetDeadline(worker_.now_ns() + kLingerTimeout);
}

size_t Http1Connection::held_bytes() const {
  return counted_bytes_ + downstream_.held_bytes() +
         (exchange_ != nullptr ? exchange_->held_bytes() : 0);
}

// Brings the worker's budget up to date; called where input_ may have grown.
void Http1Connection::CountInput() {
  worker_.buffers().Add(input_.capacity());
  worker_.buffers().Subtract(counted_bytes_);
  counted_bytes_ = input_.capacity();
}

// A small one is kept: the next request may need it. A connection that has had one large head would
// otherwise hold its size for as long as it idles.
void Http1Connection::FreeLargeInput() {
  const size_t kept_max = worker_.buffers().is_short() ? 0 : kKeptBufferMax;
  if (input_.empty() && input_.capacity() > kept_max) std::string().swap(input_);
  CountInput();
}

void Http1Connection::Shed() {
  constexpr CloseReason kReason = CloseReason::kMemoryLimit;
  // An answer of ours behind answers that nobody reads would only hold them longer.
  const bool can_answer = !downstream_.is_above_high_mark() &&
                          downstream_.queued_size() <= kSendQueueLeast &&
                          (exchange_ == nullptr || !exchange_->is_answer_started());
  if (state_ == State::kHead && input_.empty()) {
    Close(kReason, false);  // Asked nothing: an answer would be taken for that to its next request.
    return;
  }
  if (state_ == State::kHead && can_answer) BeginExchange();
  if (state_ != State::kExchange) {
    Close(kReason, true);
  } else if (can_answer) {
    exchange_->AnswerLocally(503, kReason, CloseReasonText(kReason), {}, true);
  } else {
    exchange_->Abort(kReason);
  }
}

}  // namespace sluice::proxy
