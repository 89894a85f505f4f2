#include "userspace/proxy/h2_link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "userspace/proxy/held_trailers.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {
namespace {

// A request counts its head itself (exchange_route.cc).
uint32_t StepsOf(http::H2Event::Kind kind) {
  using Kind = http::H2Event::Kind;
  const bool is_end = kind == Kind::kReset || kind == Kind::kResponse || kind == Kind::kTrailers;
  return is_end ? kStepsOfHead : 1;
}

}  // namespace

H2Link::H2Link(Worker& worker, http::H2Role role, const http::H2Limits& limits)
    : worker_(worker),
      session_(role, limits, worker.h2_heads()),
      stream_(worker, *this),
      timer_(&H2Link::OnTimer, this) {}

H2Link::~H2Link() {
  SLUICE_DCHECK(lane_count_ == 0);
  worker_.buffers().Subtract(counted_bytes_);
}

// Brings the worker's budget up to date; called where the session's memory may have grown.
void H2Link::CountSession() {
  const size_t size = session_.held_bytes();
  worker_.buffers().Add(size);
  worker_.buffers().Subtract(counted_bytes_);
  counted_bytes_ = size;
}

void H2Link::Open(base::UniqueFd fd, std::string_view first_bytes) {
  idle_since_ns_ = last_input_ns_ = last_progress_ns_ = worker_.now_ns();
  session_.Start(worker_.now_ns());
  stream_.Attach(std::move(fd));
  stream_.StartReceiving();
  ArmTimer();
  if (first_bytes.empty()) return;
  Received received{.data = first_bytes};
  TakeInput(received);
}

void H2Link::OnReceive(Stream&, Received& received) { TakeInput(received); }

void H2Link::TakeInput(Received& received) {
  if (is_last_send_ || is_closed_) return;
  last_input_ns_ = worker_.now_ns();
  std::string_view input = received.data;
  const uint32_t spent_before = worker_.turn_share().spent();
  while (!is_last_send_ && !is_closed_) {
    const http::H2Event event = session_.Next(&input, worker_.now_ns());
    if (event.kind == http::H2Event::Kind::kNone) break;
    worker_.turn_share().Count(StepsOf(event.kind));
    worker_.turn_share().CountRefused(event.refused_size);
    Dispatch(event, received);
    const bool is_enough = worker_.turn_share().IsSpentSince(spent_before);
    if (is_enough && !input.empty() && !is_last_send_ && !is_closed_) {
      stream_.PutBack(input);
      received.data.remove_suffix(input.size());
      break;
    }
  }
  OnInput(received.data.size());
  CountSession();
  if (session_.HasOutput() || !attention_.is_empty() || session_.is_failed()) RequestSend();
}

void H2Link::Dispatch(const http::H2Event& event, Received& received) {
  using Kind = http::H2Event::Kind;
  if (event.reason != http::H2Reason::kNone) worker_.counters().AddHttp2Fault(event.reason);
  auto* lane = reinterpret_cast<H2Lane*>(event.user);
  const bool is_of_lane =
      event.kind == Kind::kData || event.kind == Kind::kTrailers || event.kind == Kind::kReset;
  if (!is_of_lane) {
    OnEvent(event);
  } else if (lane == nullptr) {
    if (event.kind == Kind::kReset) OnEvent(event);
    // Nobody wants it any more.
    session_.Consume(event.stream, static_cast<uint32_t>(event.data.size()));
  } else if (event.kind == Kind::kData) {
    lane->Withhold(event.data.size());
    lane->OnContent(received, event.data, event.is_end_stream);
  } else if (event.kind == Kind::kTrailers) {
    lane->OnTrailers(session_.buffer().trailers);
  } else {
    lane->OnReset(event.error, event.reason);
  }
}

void H2Link::Withhold(uint32_t size) {
  withheld_size_ += size;
  owed_size_ += size;
  SettleWindow();
}

void H2Link::GiveBack(uint32_t stream, uint32_t size) {
  session_.ConsumeOfStream(stream, size);
  withheld_size_ -= size;
  SettleWindow();
}

// A stream that is not read is held back by its own window. The connection's stays open for the
// others, as long as what is withheld on it is a small part of what the worker may still hold.
void H2Link::SettleWindow() {
  const size_t free_size = worker_.buffers().left() / kQueueShare;
  const size_t owed_size = withheld_size_ - std::min(withheld_size_, free_size);
  if (owed_size >= owed_size_) return;
  session_.ConsumeOfConnection(static_cast<uint32_t>(owed_size_ - owed_size));
  owed_size_ = owed_size;
}

void H2Link::Read(uint32_t, uint64_t user, char* out, size_t size) {
  auto& lane = *reinterpret_cast<H2Lane*>(user);
  lane.queue_.Read(out, size);
  if (lane.queue_.size() == 0 || lane.has_room()) Notice(lane);
}

void H2Link::Notice(H2Lane& lane) {
  if (!static_cast<base::ListLink<AttentionTag>&>(lane).is_linked()) attention_.PushBack(lane);
}

void H2Link::AttendAll() {
  while (H2Lane* lane = attention_.PopFront()) Attend(*lane);
}

void H2Link::Attend(H2Lane& lane) {
  const bool is_empty = lane.queue_.size() == 0;
  if (is_empty && lane.has_trailers_) {
    TrailerRoom room;
    session_.SubmitTrailers(lane.id_, lane.trailers_->Take(worker_.text_scratch(), room));
    lane.has_trailers_ = false;
  }
  if (lane.has_room()) {
    lane.room_mark_ = 0;
    lane.OnRoom();
    if (!lane.is_joined() || lane.queue_.size() > 0) return;
  }
  if (is_empty && lane.has_ended_) lane.OnAllSent();
}

// Makes what is sent as late as possible: frames of all streams leave together, and a slow peer
// fills the lanes' queues, where it is seen which of them has to wait.
void H2Link::OnBeforeSend(Stream&) {
  MakeOutput();
  CountSession();
}

void H2Link::MakeOutput() {
  if (is_closed_) return;
  for (;;) {
    AttendAll();
    if (is_closed_ || stream_.queued_size() >= kHttp2SendAhead) break;
    char* room = worker_.byte_scratch(kHttp2ProduceSize);
    const size_t size = session_.Produce(room, kHttp2ProduceSize, *this);
    if (size == 0) break;
    last_progress_ns_ = worker_.now_ns();
    stream_.Write({room, size});
  }
  if (is_closed_ || session_.HasOutput()) return;
  if (!is_last_send_) CheckIdle();
  if (is_last_send_ && !is_closed_ && !stream_.has_sent_fin()) stream_.FinishSending();
}

void H2Link::SendAhead() {
  std::array<char, 16 * 1024> room;
  while (stream_.queued_size() < worker_.buffers().queue_high()) {
    const size_t size = session_.Produce(room.data(), room.size(), *this);
    if (size == 0) return;
    stream_.Write({room.data(), size});
  }
}

void H2Link::CheckIdle() {
  const bool is_over = session_.is_failed() || session_.is_drained() || stream_.is_input_over();
  if (is_over && lane_count_ == 0) OnIdle();
}

void H2Link::OnReceiveEnd(Stream&) {
  if (is_last_send_) {
    if (stream_.has_sent_fin()) Close(close_reason_, false);
    return;
  }
  OnPeerEnd();
  RequestSend();
}

void H2Link::OnSendDrained(Stream&) {
  if (is_last_send_ && stream_.has_sent_fin() && stream_.has_received_end()) {
    Close(close_reason_, false);
  }
}

void H2Link::OnBroken(Stream&, int) {
  session_.Close(http::H2Error::kNoError);  // Those who lose it find no room in it for the next.
  LoseLanes(true);
  Close(is_last_send_ ? close_reason_ : CloseReason::kClientReset, true);
}

void H2Link::OnClosed(Stream&) { OnLinkClosed(); }

void H2Link::LoseLanes(bool is_reset) {
  while (H2Lane* lane = lanes_.front()) lane->OnLinkLost(is_reset);
}

void H2Link::LastSend(CloseReason reason) {
  if (is_last_send_ || is_closed_) return;
  SLUICE_DCHECK(lane_count_ == 0);
  is_last_send_ = true;
  close_reason_ = reason;
  last_send_deadline_ns_ = worker_.now_ns() + kLingerTimeout;
  ArmTimer();
  RequestSend();
}

void H2Link::Close(CloseReason reason, bool reset) {
  if (is_closed_) return;
  SLUICE_DCHECK(lane_count_ == 0);
  is_closed_ = true;
  close_reason_ = reason;
  timer_.Disarm();
  stream_.Close(reset);
}

size_t H2Link::link_held_bytes() {
  size_t size = stream_.held_bytes() + counted_bytes_;
  for (const H2Lane& lane : lanes_) size += lane.held_bytes();
  return size;
}

void H2Link::OnTimer(void* self) { static_cast<H2Link*>(self)->HandleTimer(); }

void H2Link::ArmTimer() {
  uint64_t next = std::min(session_.next_check_ns(), worker_.now_ns() + kHttp2CheckInterval);
  if (is_last_send_) next = last_send_deadline_ns_;
  worker_.timers().Arm(timer_, next);
}

void H2Link::HandleTimer() {
  const uint64_t now = worker_.now_ns();
  if (is_last_send_) {
    Close(close_reason_, false);
    return;
  }
  const http::H2Event event = session_.CheckTime(now);
  if (event.kind == http::H2Event::Kind::kFailed) {
    worker_.counters().AddHttp2Fault(event.reason);
    OnEvent(event);
  }
  const bool is_idle = lane_count_ == 0 && now >= idle_since_ns_ + idle_timeout_ns_;
  const bool is_mid_head =
      session_.is_mid_block() && now >= last_input_ns_ + worker_.limits().request_head_timeout_ns;
  // Queued content that the peer has not allowed us to send for too long.
  bool has_queue = false;
  for (const H2Lane& lane : lanes_) has_queue = has_queue || !lane.is_all_sent();
  if (!has_queue) last_progress_ns_ = now;
  const bool is_stalled = now >= last_progress_ns_ + kExchangeIdleTimeout;
  if (!is_last_send_ && !is_closed_ && (is_idle || is_mid_head || is_stalled)) {
    session_.Close(http::H2Error::kNoError);
    LoseLanes(true);
    LastSend(is_mid_head ? CloseReason::kHeadTimeout : CloseReason::kIdleTimeout);
  }
  if (session_.HasOutput()) RequestSend();
  if (!is_closed_) ArmTimer();
}

}  // namespace sluice::proxy
