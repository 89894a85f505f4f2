#include "userspace/proxy/stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "userspace/base/check.h"
#include "userspace/proxy/busy_wait.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {
namespace {

constexpr uint32_t kVectorsPerSend = 16;
constexpr size_t kBorrowFrom =
    3 * 1024;  // Below, copying is cheaper than holding a receive buffer.

}  // namespace

Stream::Stream(Worker& worker, StreamOwner& owner)
    : worker_(worker),
      owner_(&owner),
      receive_{.on_complete = &Stream::OnReceiveComplete, .self = this},
      send_{.on_complete = &Stream::OnSendComplete, .self = this},
      watch_{.on_complete = &Stream::OnWatchComplete, .self = this},
      outbox_(worker.segments()),
      stash_(worker.segments()),
      busy_timer_(&Stream::OnBusyTimer, this) {}

Stream::~Stream() {
  SLUICE_DCHECK(!has_operations());
  LeaveDirty();
  LeaveLater();
}

void Stream::Attach(base::UniqueFd fd) {
  SLUICE_DCHECK(!fd_.is_valid());
  fd_ = std::move(fd);
  MarkDirty();
}

void Stream::MarkDirty() {
  if (is_preparing_ && !is_closing_) return;  // It is being serviced.
  LeaveDirty();                               // It may wait among the starved.
  worker_.AddDirty(*this);
}

void Stream::StartReceiving() {
  wants_receive_ = true;
  if (!receive_.is_pending || is_cancelling_receive_ || stash_.size() > 0 || must_report_end_)
    MarkDirty();
}

void Stream::PauseReceiving() { wants_receive_ = false; }

void Stream::PutBack(std::string_view rest) {
  if (is_closing_ || is_put_back()) return;
  worker_.AddLater(*this);
  if (is_delivering_stash_) {
    put_back_size_ = static_cast<uint32_t>(rest.size());
    return;
  }
  stash_.Append(rest);
  StopMultishot();
}

void Stream::GoOn() {
  MarkDirty();
  if (!is_closing_) owner_->OnNextTurn(*this);
}

bool Stream::is_above_high_mark() {
  const size_t high = worker_.buffers().queue_high();
  if (outbox_.size() <= high) return false;
  drain_mark_ = std::min(kSendQueueLow, high / 4);
  return true;
}

void Stream::Write(std::string_view bytes) {
  if (is_closing_ || bytes.empty()) return;
  outbox_.Append(bytes);
  MarkDirty();
}

void Stream::Forward(Received& received, std::string_view part) {
  if (is_closing_ || part.empty()) return;
  AppendReceived(worker_, outbox_, received, part);
  MarkDirty();
}

// A borrowed buffer goes out without a copy but is missing from the pool until the send is done, so
// only while the pool is rich: a peer that does not read must never starve the others.
void AppendReceived(Worker& worker, Outbox& queue, Received& received, std::string_view part) {
  const bool is_pool_rich =
      worker.segments().borrowed_count() < worker.ring().buffer_count() * 3 / 4;
  if (received.has_buffer && part.size() >= kBorrowFrom && is_pool_rich &&
      queue.size() < kSendQueueLow * 2) {
    queue.AppendBorrowed(received.buffer, part);
    received.has_buffer = false;
  } else {
    queue.Append(part);
  }
}

void Stream::FinishSending() {
  wants_fin_ = true;
  MarkDirty();
}

void Stream::Close(bool reset) {
  if (is_closing_) return;
  is_closing_ = true;
  is_reset_ = reset;
  LeaveLater();
  busy_timer_.Disarm();
  MarkDirty();
}

void Stream::Release() {
  if (is_closing_) return;
  is_released_ = true;
  Close(false);
}

std::string Stream::TakeInput() {
  std::string input;
  while (stash_.size() > 0) {
    iovec part;
    stash_.Gather(&part, 1);
    input.append(static_cast<const char*>(part.iov_base), part.iov_len);
    stash_.Consume(part.iov_len);
  }
  return input;
}

void Stream::Service() {
  if (is_closing_) {
    ContinueClose();
    return;
  }
  if (!fd_.is_valid()) return;
  if (wants_receive_) {
    DeliverStash();
    if (is_closing_) return;  // Dirty again: serviced once more in this turn.
    ArmReceive();
  }
  PrepareSend();
  if (has_received_end_ || !wants_receive_) {  // No receive tells of a reset.
    WatchForReset();
    ReportHangup();
  }
  if (must_report_drained_ && !is_closing_) {
    must_report_drained_ = false;
    owner_->OnSendDrained(*this);
  }
}

void Stream::ArmReceive() {
  if (receive_.is_pending || has_received_end_ || is_broken_ || !wants_receive_) return;
  if (is_put_back()) return;
  if (worker_.ring().buffers_held() >= worker_.ring().buffer_count()) {
    worker_.counters().Add(Counter::kBufferStarved);
    worker_.AddStarved(*this);
    return;
  }
  is_cancelling_receive_ = false;
  if (is_one_at_a_time_ || worker_.buffers().is_short())
    worker_.ring().ReceiveOnce(receive_, fd_.get());
  else
    worker_.ring().ReceiveMultishot(receive_, fd_.get());
}

// One poll for the rest of the stream's life, once it has been needed: a stream that pauses often
// pays for it once, and one that never does not at all.
void Stream::WatchForReset() {
  if (has_watched_ || is_broken_) return;
  if (!has_received_end_ && (!breaks_while_paused_ || receive_.is_pending)) return;
  has_watched_ = true;
  worker_.ring().PollHangupMultishot(watch_, fd_.get());
}

void Stream::OnWatchComplete(void* self, const io::Completion& completion) {
  auto& stream = *static_cast<Stream*>(self);
  if (!completion.has_more) stream.MarkDirty();  // Who closes may wait for this.
  if (completion.result > 0) stream.NoteHangup(completion.result);
}

void Stream::NoteHangup(int events) {
  // HUP alone, when our FIN is out as well, is the orderly end.
  const bool is_reset = (events & POLLERR) != 0 || ((events & POLLHUP) != 0 && !has_sent_fin_);
  if (!is_reset) return;
  has_hung_up_ = true;
  MarkDirty();
}

void Stream::ReportHangup() {
  if (!has_hung_up_ || is_broken_ || is_closing_) return;
  // Else what came before, and its end, is still to be given.
  if (!is_input_over() && !IsResetWhilePaused()) return;
  is_broken_ = true;
  owner_->OnBroken(*this, ECONNRESET);
}

// Asked only where no receive is there to tell: reading the error takes it from the socket.
bool Stream::IsResetWhilePaused() {
  if (!breaks_while_paused_ || wants_receive_ || receive_.is_pending || has_received_end_) {
    return false;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  // The kernel's word for a reset that came behind the FIN: all that the peer had to say is here.
  if (error == EPIPE) breaks_while_paused_ = false;
  return error != EPIPE;
}

void Stream::DeliverStash() {
  while (stash_.size() > 0 && MayDeliver()) {
    iovec part;
    stash_.Gather(&part, 1);
    Received received{.data = {static_cast<const char*>(part.iov_base), part.iov_len}};
    is_delivering_stash_ = true;
    owner_->OnReceive(*this, received);
    is_delivering_stash_ = false;
    stash_.Consume(part.iov_len - std::exchange(put_back_size_, 0));
  }
  if (stash_.size() == 0 && must_report_end_ && MayDeliver()) {
    must_report_end_ = false;
    owner_->OnReceiveEnd(*this);
  }
}

void Stream::OnReceiveComplete(void* self, const io::Completion& completion) {
  static_cast<Stream*>(self)->HandleReceived(completion);
}

void Stream::HandleReceived(const io::Completion& completion) {
  io::Ring& ring = worker_.ring();
  if (completion.result > 0) {
    Received received{
        .data = ring.BufferData(completion), .buffer = completion.buffer, .has_buffer = true};
    if (MayDeliver() && stash_.size() == 0) {
      owner_->OnReceive(*this, received);
      if (worker_.buffers().is_short()) StopMultishot();
    } else if (!is_closing_ || is_released_) {
      stash_.Append(received.data);
      StopMultishot();
    }
    if (received.has_buffer) ring.GiveBack(completion.buffer);
    if (!completion.has_more) MarkDirty();
    return;
  }
  if (completion.has_buffer) ring.GiveBack(completion.buffer);
  MarkDirty();
  if (is_closing_ || completion.result == -ENOBUFS || completion.result == -ECANCELED) return;
  if (completion.result == 0) {
    has_received_end_ = true;
    if (stash_.size() > 0 || !MayDeliver()) {
      must_report_end_ = true;
    } else {
      owner_->OnReceiveEnd(*this);
    }
    return;
  }
  is_broken_ = true;
  owner_->OnBroken(*this, -completion.result);
}

void Stream::StopMultishot() {
  if (is_closing_ || !receive_.is_pending || is_cancelling_receive_) return;
  is_cancelling_receive_ = true;
  worker_.ring().Cancel(receive_);
}

void Stream::PrepareSend() {
  if (send_.is_pending || busy_timer_.is_armed() || is_broken_) return;
  is_preparing_ = true;
  owner_->OnBeforeSend(*this);
  is_preparing_ = false;
  if (is_closing_) return;
  if (outbox_.size() > 0) {
    std::array<iovec, kVectorsPerSend> vectors;
    const uint32_t count = outbox_.Gather(vectors.data(), kVectorsPerSend);
    if (outbox_.size() > kSendQueueLow && drain_mark_ == 0) drain_mark_ = kSendQueueLow;
    worker_.ring().Send(send_, fd_.get(), {vectors.data(), count});
    return;
  }
  if (wants_fin_ && !has_sent_fin_) {
    has_sent_fin_ = true;
    must_report_drained_ = true;
    ::shutdown(fd_.get(), SHUT_WR);
  }
}

void Stream::OnSendComplete(void* self, const io::Completion& completion) {
  static_cast<Stream*>(self)->HandleSent(completion);
}

void Stream::HandleSent(const io::Completion& completion) {
  if (is_waiting_for_room_) {
    is_waiting_for_room_ = false;  // Errors of the socket show in the send that follows.
    MarkDirty();
    return;
  }
  if (completion.result == -EAGAIN && !is_closing_) {
    is_waiting_for_room_ = true;
    worker_.ring().PollWrite(send_, fd_.get());
    return;
  }
  if (completion.result > 0) {
    sent_size_ += static_cast<uint64_t>(completion.result);
    outbox_.Consume(static_cast<size_t>(completion.result));
  }
  MarkDirty();
  if (is_closing_) return;
  if (completion.result == -kReceiverBusyError && worker_.is_accelerated()) {
    RetryLater();
    return;
  }
  if (completion.result < 0 && completion.result != -ECANCELED) {
    if (is_broken_) return;
    is_broken_ = true;
    owner_->OnBroken(*this, -completion.result);
    return;
  }
  busy_wait_ns_ = 0;
  if (drain_mark_ != 0 && outbox_.size() <= drain_mark_) {
    drain_mark_ = 0;
    must_report_drained_ = true;
  }
}

// The kernel path refused because the receiver's memory is at its mark (docs/adr/0002): nothing was
// taken.
void Stream::RetryLater() {
  const uint64_t now = worker_.now_ns();
  if (busy_wait_ns_ == 0) busy_since_ns_ = now;
  busy_wait_ns_ = NextBusyWait(busy_wait_ns_, now - busy_since_ns_);
  worker_.counters().Add(Counter::kReceiverBusy);
  worker_.timers().Arm(busy_timer_, now + busy_wait_ns_);
}

void Stream::OnBusyTimer(void* self) { static_cast<Stream*>(self)->MarkDirty(); }

void Stream::ContinueClose() {
  LeaveLater();
  if (has_operations() && !has_cancelled_) {
    has_cancelled_ = true;
    worker_.turn_share().Count(kStepsOfCancel);
    // Each by itself: to look for all of a descriptor the kernel goes through all of the ring.
    for (io::Operation* operation : {&receive_, &send_, &watch_}) {
      if (operation->is_pending) worker_.ring().Cancel(*operation);
    }
  }
  if (has_operations()) return;  // The last completion makes us dirty again.
  outbox_.Clear();
  if (is_released_) {
    owner_->OnClosed(*this);  // May free us.
    return;
  }
  stash_.Clear();
  if (fd_.is_valid()) {
    if (is_reset_) {
      const linger abort_on_close{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close);
    }
    worker_.turn_share().Count(kStepsOfClose);
    worker_.ring().CloseFd(fd_.Release());
  }
  owner_->OnClosed(*this);  // May free us.
}

}  // namespace sluice::proxy
