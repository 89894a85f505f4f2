#include "userspace/proxy/tcp_relay.h"

#include <algorithm>
#include <utility>

#include "userspace/proxy/detector.h"
#include "userspace/proxy/port_memory.h"

namespace sluice::proxy {

TcpRelay::TcpRelay(Worker& worker, Accepted accepted, const Plan& plan)
    : worker_(worker),
      pod_id_(accepted.pod_id),
      is_inbound_(accepted.is_inbound),
      client_(accepted.client),
      dialled_(accepted.dialled),
      memory_(plan.memory),
      downstream_(worker, *this),
      upstream_(worker, *this),
      dial_(worker, *this),
      timer_(&TcpRelay::OnTimer, this),
      is_undecided_(plan.protocol == model::Protocol::kAuto),
      start_ns_(worker.now_ns()) {
  worker_.counters().Add(is_inbound_ ? Counter::kActiveInbound : Counter::kActiveTcp);
  if (!is_undecided_) CountOpened();
  if (plan.service != nullptr) cluster_ = plan.service->ClusterFor(dialled_.ip);
  last_byte_ns_ = start_ns_;
  downstream_.Attach(std::move(accepted.fd));
  downstream_.BreakWhilePaused();
  if (plan.refused != CloseReason::kNone) {
    Close(plan.refused, true);
    return;
  }
  bytes_from_client_ = accepted.first_bytes.size();
  worker_.counters().Add(Counter::kBytesFromClient, bytes_from_client_);
  upstream_.Write(accepted.first_bytes);
  downstream_.StartReceiving();
  worker_.timers().Arm(timer_, start_ns_ + kRelayIdleTimeout);
  TryEndpoint(CloseReason::kNoEndpoint);
}

TcpRelay::~TcpRelay() {
  NoteAnswered();
  worker_.counters().Subtract(is_inbound_ ? Counter::kActiveInbound : Counter::kActiveTcp);
  if (is_counted_) worker_.counters().AddClosed(reason_);  // Else it went on as another session.
}

void TcpRelay::CountOpened() {
  if (is_counted_) return;
  is_counted_ = true;
  worker_.counters().Add(is_inbound_ ? Counter::kOpenedInbound : Counter::kOpenedTcp);
}

// `otherwise`: why the connection ends if no endpoint is left.
void TcpRelay::TryEndpoint(CloseReason otherwise) {
  if (!endpoint_.Next(worker_, cluster_.get(), dialled_)) {
    Close(otherwise, true);
    return;
  }
  dial_.Start({.accepting_pod_id = pod_id_,
               .client = client_.ip,
               .endpoint = endpoint_.address(),
               .is_client_outside = is_inbound_});
}

void TcpRelay::OnDialed(base::UniqueFd fd, CloseReason reason) {
  if (is_closing_) {
    MaybeFree();
    return;
  }
  if (reason == CloseReason::kNone) {
    upstream_.Attach(std::move(fd));
    upstream_.StartReceiving();
    return;
  }
  TryEndpoint(reason);
}

// The client speaks first. True: in HTTP, and the connection is another session's from here on.
bool TcpRelay::WatchFirstBytes(std::string_view bytes) {
  is_undecided_ = false;
  const detect::Speech speech = detect::Detect(bytes);
  CountDetection(worker_.counters(), speech);
  const bool is_http = IsServedAsHttp(speech);
  const bool was_guessed = memory_ != nullptr && is_http;
  if (was_guessed) {
    worker_.counters().Add(Counter::kWrongServerFirst);
    memory_->NoteWrongGuess();
  }
  if (memory_ != nullptr) memory_->Note(PortMemory::SeenOf(speech));
  if (!is_http) {
    CountOpened();
    return false;
  }
  handover_ = std::make_unique<Accepted>(Accepted{.pod_id = pod_id_,
                                                  .is_inbound = is_inbound_,
                                                  .client = client_,
                                                  .dialled = dialled_,
                                                  .first_bytes = std::string(bytes),
                                                  .protocol = speech == detect::Speech::kHttp2
                                                                  ? model::Protocol::kHttp2
                                                                  : model::Protocol::kHttp1});
  is_closing_ = true;
  timer_.Disarm();
  endpoint_.ReleaseLoad(worker_);
  dial_.Cancel();
  upstream_.Close(false);
  downstream_.Release();
  return true;
}

void TcpRelay::NoteServerFirst() {
  is_undecided_ = false;
  CountOpened();
  worker_.counters().Add(Counter::kDetectedServer);
  // A server that closes an unused connection with a word (HTTP's 408) was not the first to speak.
  if (memory_ == nullptr || worker_.now_ns() > start_ns_ + kGreetingTime) return;
  if (memory_->IsClientFirst() && !memory_->DialsAtOnce()) {
    worker_.counters().Add(Counter::kWrongClientFirst);
    memory_->NoteWrongGuess();
  }
  memory_->Note(PortMemory::kServerFirst);
}

void TcpRelay::NoteAsked() {
  if (std::exchange(awaits_answer_, true)) return;
  worker_.BeginWork();
}

void TcpRelay::NoteAnswered() {
  if (!std::exchange(awaits_answer_, false)) return;
  worker_.EndWork();
}

void TcpRelay::OnReceive(Stream& stream, Received& received) {
  last_byte_ns_ = worker_.now_ns();
  const bool is_from_client = &stream == &downstream_;
  worker_.NoteRelayed(*this);
  is_from_client ? NoteAsked() : NoteAnswered();
  if (is_undecided_ && !is_from_client) NoteServerFirst();
  if (is_undecided_ && WatchFirstBytes(received.data)) return;
  (is_from_client ? bytes_from_client_ : bytes_to_client_) += received.data.size();
  worker_.counters().Add(is_from_client ? Counter::kBytesFromClient : Counter::kBytesToClient,
                         received.data.size());
  Stream& other = Other(stream);
  if (&other == broken_) return;  // Nobody is there to take it.
  other.Forward(received, received.data);
  if (other.is_above_high_mark()) stream.PauseReceiving();
}

void TcpRelay::OnSendDrained(Stream& stream) {
  if (&Other(stream) == broken_) {
    Close(BreakReason(*broken_), false);
    return;
  }
  if (downstream_.has_sent_fin() && upstream_.has_sent_fin()) {
    Close(CloseReason::kDone, false);
    return;
  }
  Other(stream).StartReceiving();
}

void TcpRelay::OnReceiveEnd(Stream& stream) {
  is_undecided_ = false;
  CountOpened();
  Other(stream).FinishSending();
}

CloseReason TcpRelay::BreakReason(const Stream& stream) const {
  return &stream == &downstream_ ? CloseReason::kClientReset : CloseReason::kServerReset;
}

// Who ended in order before it broke (a server that closes, and then is sent something more) has
// said all it had to say: the other side gets that first, as it would without a relay.
void TcpRelay::OnBroken(Stream& stream, int) {
  if (!stream.is_input_over()) {
    Close(BreakReason(stream), true);
  } else if (Other(stream).queued_size() > 0 && broken_ == nullptr) {
    broken_ = &stream;
  } else {
    Close(BreakReason(stream), false);
  }
}

// Half-closed connections are given less time: the other half may never come.
void TcpRelay::OnTimer(void* self) {
  auto& relay = *static_cast<TcpRelay*>(self);
  const bool is_half_closed =
      relay.downstream_.has_received_end() || relay.upstream_.has_received_end();
  const uint64_t limit = is_half_closed ? kHalfClosedTimeout : kRelayIdleTimeout;
  const uint64_t now = relay.worker_.now_ns();
  if (now < relay.last_byte_ns_ + limit) {
    relay.worker_.timers().Arm(relay.timer_,
                               std::min(relay.last_byte_ns_ + limit, now + kHalfClosedTimeout));
    return;
  }
  relay.Close(CloseReason::kIdleTimeout, true);
}

void TcpRelay::Abandon(CloseReason reason) { Close(reason, true); }

void TcpRelay::Close(CloseReason reason, bool reset) {
  if (is_closing_) return;
  is_closing_ = true;
  reason_ = reason;
  CountOpened();
  timer_.Disarm();
  endpoint_.ReleaseLoad(worker_);
  Log();
  dial_.Cancel();
  downstream_.Close(reset);
  upstream_.Close(reset);
}

void TcpRelay::OnClosed(Stream& stream) {
  ++closed_streams_;
  if (handover_ != nullptr && &stream == &downstream_) {
    handover_->fd = downstream_.TakeFd();
    handover_->first_bytes += downstream_.TakeInput();
    BeginHttp(worker_, std::move(*handover_));
  }
  MaybeFree();
}

void TcpRelay::MaybeFree() {
  if (closed_streams_ == 2 && dial_.is_idle()) worker_.FreeSession(*this);
}

void TcpRelay::Log() {
  if (!worker_.access_log().is_on()) return;
  const std::string pod_name = worker_.PodName(pod_id_);
  worker_.access_log().Append(
      {.protocol = "tcp",
       .pod = pod_name,
       .client = client_,
       .dialled = dialled_,
       .endpoint = endpoint_.address(),
       .backend = cluster_ != nullptr ? std::string_view(cluster_->name) : std::string_view(),
       .bytes_from_client = bytes_from_client_,
       .bytes_to_client = bytes_to_client_,
       .duration_us = (worker_.now_ns() - start_ns_) / kMicrosecond,
       .reason = reason_});
}

}  // namespace sluice::proxy
