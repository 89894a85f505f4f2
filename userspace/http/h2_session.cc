#include "userspace/http/h2_session.h"

#include <algorithm>

#include "userspace/base/check.h"

namespace sluice::http {
namespace {

constexpr size_t kResetsKept = 64;
constexpr uint32_t kProtocolTableSize = 4096;
constexpr size_t kIdleOutputKept = 1024;  // Of the output's memory once all is sent.

}  // namespace

H2Session::H2Session(H2Role role, const H2Limits& limits, H2HeadBuffer& buffer)
    : role_(role),
      limits_(limits),
      buffer_(buffer),
      decoder_(std::max(limits.table_size_max, kProtocolTableSize)),
      encoder_(limits.encoder_table_size_max),
      own_initial_window_(std::max(limits.stream_window, kH2WindowDefault)),
      reset_bucket_(limits.reset),
      refusal_bucket_(limits.refusal),
      ping_bucket_(limits.ping),
      settings_bucket_(limits.settings),
      empty_bucket_(limits.empty_frame),
      window_bucket_(limits.window_update),
      priority_bucket_(limits.priority) {}

void H2Session::Start(uint64_t now_ns) {
  now_ns_ = last_input_ns_ = settings_sent_ns_ = now_ns;
  const bool is_server = role_ == H2Role::kServer;
  if (!is_server) {
    output_.append(kH2Preface);
    state_ = State::kHeader;  // The server's preface is its SETTINGS alone.
  }
  std::string settings;
  PutSetting(H2Setting::kHeaderTableSize, limits_.table_size_max, settings);
  if (!is_server) PutSetting(H2Setting::kEnablePush, 0, settings);
  if (is_server) PutSetting(H2Setting::kMaxConcurrentStreams, limits_.stream_count_max, settings);
  PutSetting(H2Setting::kInitialWindowSize, limits_.stream_window, settings);
  PutSetting(H2Setting::kMaxHeaderListSize, limits_.header_list_size_max, settings);
  if (is_server && limits_.allows_connect_protocol) {
    PutSetting(H2Setting::kEnableConnectProtocol, 1, settings);
  }
  PutFrameHeader({.size = static_cast<uint32_t>(settings.size()),
                  .type = static_cast<uint8_t>(H2FrameType::kSettings)},
                 output_);
  output_.append(settings);
  is_settings_ack_due_ = true;
  if (limits_.connection_window > kH2WindowDefault) {
    const uint32_t more = limits_.connection_window - kH2WindowDefault;
    PutWindowUpdate(0, more, output_);
    receive_window_ += more;
  }
}

H2Event H2Session::Fail(H2Reason reason) {
  if (state_ == State::kFailed) return {};
  PutGoaway(GoawayLast(), H2ReasonError(reason), H2ReasonName(reason), output_);
  state_ = State::kFailed;
  streams_.ForEach([this](H2Stream& stream) { Remove(stream); });
  return {.kind = H2Event::Kind::kFailed, .error = H2ReasonError(reason), .reason = reason};
}

bool H2Session::TakeRefusal(uint64_t list_size) {
  const auto count = static_cast<uint32_t>(1 + list_size / limits_.refusal_unit_size);
  return refusal_bucket_.Take(limits_.refusal, now_ns_, count);
}

H2Event H2Session::FailStream(H2Stream& stream, H2Reason reason, uint64_t list_size) {
  if (!TakeRefusal(list_size)) return Fail(H2Reason::kRefusalFlood);
  H2Event event = Event(H2Event::Kind::kReset, stream);
  event.error = H2ReasonError(reason);
  event.reason = reason;
  event.refused_size = list_size;
  PutRstStream(stream.id, event.error, output_);
  RememberReset(stream.id);
  Remove(stream);
  return TakeProvoked(kH2FrameHeaderSize + 4) ? event : Fail(H2Reason::kOutputHeld);
}

H2Event H2Session::Event(H2Event::Kind kind, const H2Stream& stream) const {
  return {.kind = kind,
          .stream = stream.id,
          .user = stream.user,
          .is_end_stream = stream.is_remote_ended};
}

// False: the peer makes us answer and does not read.
bool H2Session::TakeProvoked(size_t size) {
  provoked_size_ += size;
  return provoked_size_ <= limits_.provoked_size_max;
}

// RFC 9113 section 5.1.1: neither side has used the number yet. Servers never open a stream.
bool H2Session::IsIdle(uint32_t id) const {
  if (id % 2 == 0) return true;
  return role_ == H2Role::kServer ? id > last_peer_id_ : id >= next_own_id_;
}

// RFC 9113 section 6.8: what GOAWAY said is never taken back upwards, whatever came behind it.
uint32_t H2Session::GoawayLast() const {
  return drain_ == DrainStep::kFinal ? drain_last_id_ : last_peer_id_;
}

void H2Session::RememberReset(uint32_t id) {
  if (resets_.size() < kResetsKept) {
    resets_.push_back(id);
    return;
  }
  uint32_t& oldest = resets_[reset_next_++ % kResetsKept];
  reset_forgotten_ = std::max(reset_forgotten_, oldest);
  oldest = id;
}

// Frames that the peer sent before it saw our RST_STREAM must be taken (section 5.1). Numbers too
// old to be remembered get the benefit of the doubt.
bool H2Session::WasReset(uint32_t id) const {
  return id <= reset_forgotten_ || std::find(resets_.begin(), resets_.end(), id) != resets_.end();
}

void H2Session::EndRemote(H2Stream& stream) { stream.is_remote_ended = true; }

void H2Session::EndLocal(H2Stream& stream) {
  stream.is_local_ended = true;
  stream.is_end_offered = false;
  if (stream.must_reset_after_end && !stream.is_remote_ended) {
    Reset(stream.id, H2Error::kNoError);
    return;
  }
  CloseIfEnded(stream);
}

void H2Session::CloseIfEnded(H2Stream& stream) {
  if (stream.is_local_ended && stream.is_remote_ended) Remove(stream);
}

void H2Session::Remove(H2Stream& stream) {
  open_heads_size_ -= stream.head_size;
  streams_.Remove(stream);
}

// A preface is no frame: it has the time of SETTINGS.
bool H2Session::is_mid_frame() const {
  switch (state_) {
    case State::kPadLength:
    case State::kData:
    case State::kPayload:
      return true;
    case State::kSkip:
      return left_ > 0;
    case State::kHeader:
      return header_seen_ > 0;
    case State::kPreface:
    case State::kFailed:
      break;
  }
  return false;
}

H2Event H2Session::CheckTime(uint64_t now_ns) {
  now_ns_ = now_ns;
  streams_.Trim();
  if (state_ == State::kFailed) return {};
  if (is_settings_ack_due_ && now_ns >= settings_sent_ns_ + limits_.settings_timeout_ns) {
    return Fail(H2Reason::kSettingsTimeout);
  }
  if (is_mid_frame() && now_ns >= frame_begin_ns_ + limits_.frame_timeout_ns) {
    return Fail(H2Reason::kFrameTimeout);
  }
  if (limits_.ping_interval_ns == 0) return {};
  if (ping_sent_ns_ != 0) {
    if (now_ns >= ping_sent_ns_ + limits_.ping_timeout_ns) return Fail(H2Reason::kPingTimeout);
  } else if (now_ns >= last_input_ns_ + limits_.ping_interval_ns) {
    PutPing("sluice-k", false, output_);
    ping_sent_ns_ = now_ns;
  }
  return {};
}

uint64_t H2Session::next_check_ns() const {
  uint64_t next = UINT64_MAX;
  if (state_ == State::kFailed) return next;
  if (is_settings_ack_due_) next = settings_sent_ns_ + limits_.settings_timeout_ns;
  if (is_mid_frame()) next = std::min(next, frame_begin_ns_ + limits_.frame_timeout_ns);
  if (limits_.ping_interval_ns == 0) return next;
  const uint64_t ping = ping_sent_ns_ != 0 ? ping_sent_ns_ + limits_.ping_timeout_ns
                                           : last_input_ns_ + limits_.ping_interval_ns;
  return std::min(next, ping);
}

void H2Session::Drain(uint64_t now_ns) {
  now_ns_ = now_ns;
  if (state_ == State::kFailed || drain_ != DrainStep::kNone) return;
  drain_ = DrainStep::kAnnounced;
  if (role_ == H2Role::kClient) return AnnounceDrainEnd();
  // Requests that cross the first GOAWAY are still served; the answer to the PING says that the
  // peer has seen it.
  PutGoaway(kH2WindowMax, H2Error::kNoError, "", output_);
  PutPing("sluice-d", false, output_);
}

void H2Session::AnnounceDrainEnd() {
  if (drain_ != DrainStep::kAnnounced) return;
  drain_ = DrainStep::kFinal;
  drain_last_id_ = last_peer_id_;
  PutGoaway(GoawayLast(), H2Error::kNoError, "", output_);
}

void H2Session::Close(H2Error error) {
  if (state_ == State::kFailed) return;
  PutGoaway(GoawayLast(), error, "", output_);
  state_ = State::kFailed;
  streams_.ForEach([this](H2Stream& stream) { Remove(stream); });
}

bool H2Session::is_drained() const {
  const bool may_open = role_ == H2Role::kServer ? drain_ != DrainStep::kFinal
                                                 : drain_ == DrainStep::kNone && !has_peer_goaway_;
  return !may_open && streams_.count() == 0;
}

size_t H2Session::TakeOutput(char* out, size_t room) {
  const size_t size = std::min(room, output_.size() - output_begin_);
  output_.copy(out, size, output_begin_);
  output_begin_ += size;
  if (output_begin_ < output_.size()) return size;
  provoked_size_ = 0;
  output_begin_ = 0;
  output_.clear();
  if (streams_.count() == 0 && output_.capacity() > kIdleOutputKept) output_.shrink_to_fit();
  return size;
}

}  // namespace sluice::http
