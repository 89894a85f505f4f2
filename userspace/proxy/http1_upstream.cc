#include "userspace/proxy/http1_upstream.h"

#include <utility>

#include "userspace/base/check.h"
#include "userspace/proxy/exchange.h"
#include "userspace/proxy/limits.h"

namespace sluice::proxy {

Http1Upstream::Http1Upstream(Worker& worker, UpstreamPool& pool, const DialTarget& target)
    : worker_(worker),
      pool_(pool),
      stream_(worker, *this),
      dial_(worker, *this),
      idle_timer_(&Http1Upstream::OnIdleTimer, this) {
  worker_.counters().Add(Counter::kUpstreamActive);
  dial_.Start(target);
}

Http1Upstream::~Http1Upstream() {
  worker_.pools().RemoveIdle(*this);
  worker_.buffers().Subtract(counted_bytes_);
  worker_.counters().Subtract(Counter::kUpstreamActive);
  worker_.pools().OnConnectionGone(pool_);
}

void Http1Upstream::SetUser(Exchange& user) {
  SLUICE_DCHECK(user_ == nullptr);
  user_ = &user;
  ++use_count_;
  sent_before_use_ = stream_.sent_size();
  is_head_done_ = is_tunnel_ = false;
}

void Http1Upstream::SendHead(const OutgoingRequest& request) {
  is_head_ = request.is_head;
  is_connect_ = request.is_connect;
  may_switch_ = !request.upgrade.empty();
  writer_.Start(request.form, request.body);
  stream_.Write(request.text);
}

void Http1Upstream::ForwardBody(Received& received, std::string_view part) {
  writer_.Write(stream_, received, part);
}

void Http1Upstream::EndBody(absl::Span<const http::Header> trailers) {
  if (is_tunnel_)
    stream_.FinishSending();
  else
    writer_.End(stream_, trailers);
}

void Http1Upstream::Release(bool is_reusable, bool reset) {
  user_ = nullptr;
  input_.clear();
  scanned_ = 0;
  if (input_.capacity() > (worker_.buffers().is_short() ? 0 : kKeptBufferMax)) {
    std::string().swap(input_);
  }
  CountBuffers();
  if (is_tunnel_ && !reset && !must_reset_ && stream_.queued_size() > 0 && !stream_.is_closing()) {
    LastSend();
    return;
  }
  const bool is_usable = is_connected() && !stream_.has_received_end() && !stream_.is_closing();
  if (!is_reusable || must_close_ || worker_.is_draining() || !is_usable) {
    Close(reset || must_reset_);
    return;
  }
  stream_.SetOneAtATime(false);
  idle_since_ns_ = worker_.now_ns();
  if (!idle_timer_.is_armed()) {
    worker_.timers().Arm(idle_timer_, idle_since_ns_ + kUpstreamIdleTimeout);
  }
  stream_.StartReceiving();  // So that the server's close is seen at once.
  worker_.pools().AddIdle(*this);
}

// Armed once and looked at lazily: a busy connection costs no timer work.
void Http1Upstream::OnIdleTimer(void* self) {
  auto& connection = *static_cast<Http1Upstream*>(self);
  if (connection.is_last_send_) {
    connection.Close(true);
    return;
  }
  const uint64_t deadline = connection.idle_since_ns_ + kUpstreamIdleTimeout;
  if (!connection.is_idle() || connection.worker_.now_ns() < deadline) {
    const uint64_t next =
        connection.is_idle() ? deadline : connection.worker_.now_ns() + kUpstreamIdleTimeout;
    connection.worker_.timers().Arm(connection.idle_timer_, next);
    return;
  }
  connection.Close(false);
}

// RFC 9110 section 9.3.6: a tunnel ends with either side's end. A server that has only said its
// last word may still read what was on its way to it.
void Http1Upstream::LastSend() {
  is_last_send_ = must_close_ = true;
  stream_.FinishSending();
  worker_.timers().Arm(idle_timer_, worker_.now_ns() + kLingerTimeout);
}

void Http1Upstream::Close(bool reset) {
  must_close_ = true;
  worker_.pools().RemoveIdle(*this);
  dial_.Cancel();
  if (dial_.is_idle()) stream_.Close(reset);
}

void Http1Upstream::Abandon(CloseReason) {
  if (user_ != nullptr) {
    must_close_ = true;  // The user is told to close by itself.
    return;
  }
  Close(false);
}

void Http1Upstream::Drain() {
  must_close_ = true;
  if (user_ == nullptr) Close(false);
}

void Http1Upstream::OnDialed(base::UniqueFd fd, CloseReason reason) {
  if (fd.is_valid()) stream_.Attach(std::move(fd));
  if (user_ == nullptr) {
    // Its user went away meanwhile: worth keeping if it came about.
    if (reason == CloseReason::kNone && !must_close_)
      Release(true, false);
    else
      stream_.Close(false);
    return;
  }
  if (reason == CloseReason::kNone) {
    stream_.SetOneAtATime(user_->is_client_without_window());
    stream_.StartReceiving();
    user_->OnCarrierReady();
    return;
  }
  Exchange* user = std::exchange(user_, nullptr);
  stream_.Close(false);
  user->OnCarrierFailed(reason);
}

void Http1Upstream::OnReceive(Stream&, Received& received) {
  if (user_ != nullptr && has_begun_sending()) {
    ReadAnswer(received);
    return;
  }
  // Bytes that nobody asked for. Handed on they would answer whatever request comes next, and every
  // later answer would go to the wrong one.
  worker_.counters().Add(Counter::kUnsolicited);
  if (user_ != nullptr)
    user_->OnCarrierUnsolicited();
  else
    Close(true);
}

void Http1Upstream::OnReceiveEnd(Stream&) {
  if (user_ == nullptr)
    Close(false);
  else if (is_head_done_ && framer_.IsCompleteAtClose())
    EndAnswer(true);
  else
    user_->OnCarrierLost(CarrierLoss::kClosed);
}

void Http1Upstream::OnBroken(Stream&, int) {
  if (user_ != nullptr)
    user_->OnCarrierLost(CarrierLoss::kReset);
  else
    Close(true);
}

void Http1Upstream::OnSendDrained(Stream&) {
  if (user_ != nullptr)
    user_->OnCarrierDrained();
  else if (is_last_send_ && stream_.has_sent_fin())
    Close(false);
}

void Http1Upstream::OnClosed(Stream&) { worker_.FreeSession(*this); }

}  // namespace sluice::proxy
