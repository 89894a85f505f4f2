// What comes in, but for heads (h2_receive_head.cc). DATA is passed on as it arrives; every other
// payload is handled whole, in place if it lies in the input, else gathered first.
#include <algorithm>
#include <cstring>

#include "userspace/http/h2_session.h"

namespace sluice::http {
namespace {

constexpr size_t kIdlePartialKept = 512;

std::string_view TakeBytes(std::string_view* input, size_t size) {
  const std::string_view taken = input->substr(0, size);
  input->remove_prefix(taken.size());
  return taken;
}

}  // namespace

H2Event H2Session::Next(std::string_view* input, uint64_t now_ns) {
  now_ns_ = now_ns;
  if (!input->empty()) {
    last_input_ns_ = now_ns;
    ping_sent_ns_ = 0;  // Whatever came shows that the peer lives.
  }
  for (;;) {
    if (state_ == State::kFailed) {
      input->remove_prefix(input->size());
      return {};
    }
    if (has_refused_) {
      const H2Event refused = NextRefused();
      if (refused.kind != H2Event::Kind::kNone) return refused;
    }
    bool is_waiting = false;
    const H2Event event = Step(input, &is_waiting);
    if (event.kind != H2Event::Kind::kNone || is_waiting) return event;
  }
}

H2Event H2Session::Step(std::string_view* input, bool* is_waiting) {
  switch (state_) {
    case State::kPreface:
      if (!TakePreface(input)) return Fail(H2Reason::kPrefaceMissing);
      *is_waiting = state_ == State::kPreface;
      return {};
    case State::kHeader:
      return TakeHeader(input, is_waiting);
    case State::kPadLength: {
      *is_waiting = input->empty();
      if (*is_waiting) return {};
      const auto first = static_cast<uint8_t>(TakeBytes(input, 1)[0]);
      const H2Padding padding = ReadPadding(header_, first);
      if (padding.bad != H2Reason::kNone) return Fail(padding.bad);
      left_ = padding.content_size;
      pad_left_ = header_.size - 1 - padding.content_size;
      return BeginData();
    }
    case State::kData:
      *is_waiting = input->empty();
      return *is_waiting ? H2Event{} : TakeData(input);
    case State::kPayload:
      return TakePayload(input, is_waiting);
    case State::kSkip:
      left_ -= static_cast<uint32_t>(TakeBytes(input, left_).size());
      *is_waiting = left_ > 0;
      if (left_ == 0) state_ = State::kHeader;
      return {};
    case State::kFailed:
      break;
  }
  *is_waiting = true;
  return {};
}

bool H2Session::TakePreface(std::string_view* input) {
  const std::string_view due = kH2Preface.substr(preface_seen_);
  const std::string_view taken = TakeBytes(input, due.size());
  if (!due.starts_with(taken)) return false;
  preface_seen_ += static_cast<uint32_t>(taken.size());
  if (preface_seen_ == kH2Preface.size()) state_ = State::kHeader;
  return true;
}

H2Event H2Session::TakeHeader(std::string_view* input, bool* is_waiting) {
  if (header_seen_ == 0) frame_begin_ns_ = now_ns_;
  const std::string_view taken = TakeBytes(input, kH2FrameHeaderSize - header_seen_);
  if (!taken.empty()) std::memcpy(header_bytes_ + header_seen_, taken.data(), taken.size());
  header_seen_ = static_cast<uint8_t>(header_seen_ + taken.size());
  *is_waiting = header_seen_ < kH2FrameHeaderSize;
  if (*is_waiting) return {};
  header_seen_ = 0;
  header_ = ReadFrameHeader(header_bytes_);
  const H2Reason bad = CheckFrameHeader(header_, kH2FrameSizeMin);
  if (!has_settings_) {
    const bool is_settings = header_.Is(H2FrameType::kSettings) && !header_.Has(kH2Ack);
    if (!is_settings) return Fail(H2Reason::kPrefaceMissing);
    has_settings_ = true;
  }
  if (block_stream_ != 0 &&
      (!header_.Is(H2FrameType::kContinuation) || header_.stream != block_stream_)) {
    return Fail(H2Reason::kContinuationExpected);
  }
  if (bad != H2Reason::kNone) return Fail(bad);
  left_ = header_.size;
  pad_left_ = 0;
  if (header_.Is(H2FrameType::kData)) {
    if (!header_.Has(kH2Padded)) return BeginData();
    state_ = State::kPadLength;
    return {};
  }
  if (header_.Is(H2FrameType::kPriority) ||
      header_.type > static_cast<uint8_t>(H2FrameType::kContinuation)) {
    if (!priority_bucket_.Take(limits_.priority, now_ns_)) return Fail(H2Reason::kPriorityFlood);
    state_ = State::kSkip;
    return {};
  }
  state_ = State::kPayload;
  partial_.clear();
  return {};
}

// Windows and content length are settled for the whole frame before its first byte is passed on.
H2Event H2Session::BeginData() {
  if (header_.size > receive_window_) return Fail(H2Reason::kWindowExceeded);
  receive_window_ -= header_.size;
  ping_bucket_.Refund(limits_.ping, 1);
  const uint32_t padding = header_.size - left_;
  H2Stream* stream = streams_.Find(header_.stream);
  if (stream == nullptr) {
    if (IsIdle(header_.stream)) return Fail(H2Reason::kStreamIdle);
    if (!WasReset(header_.stream)) return Fail(H2Reason::kStreamClosed);
    if (!priority_bucket_.Take(limits_.priority, now_ns_)) return Fail(H2Reason::kPriorityFlood);
    ConsumeOfConnection(header_.size);
    left_ += pad_left_;
    state_ = State::kSkip;
    return {};
  }
  if (stream->is_remote_ended) return RefuseData(*stream, H2Reason::kStreamClosed);
  if (!stream->has_remote_head) return RefuseData(*stream, H2Reason::kDataBeforeHead);
  if (header_.size > stream->receive_window) {
    return RefuseData(*stream, H2Reason::kWindowExceeded);
  }
  if (left_ > 0 && stream->has_no_content) return RefuseData(*stream, H2Reason::kBodyForbidden);
  const bool is_end = header_.Has(kH2EndStream);
  if (stream->has_length) {
    const bool is_sound = left_ <= stream->body_left && (!is_end || left_ == stream->body_left);
    if (!is_sound) return RefuseData(*stream, H2Reason::kContentLengthMismatch);
    stream->body_left -= left_;
  }
  if (left_ == 0 && !is_end && !empty_bucket_.Take(limits_.empty_frame, now_ns_)) {
    return Fail(H2Reason::kEmptyFrameFlood);
  }
  stream->receive_window -= header_.size;
  Consume(header_.stream, padding);
  if (left_ > 0) {
    state_ = State::kData;
    return {};
  }
  left_ = pad_left_;
  state_ = State::kSkip;
  if (!is_end) return {};
  EndRemote(*stream);
  const H2Event event = Event(H2Event::Kind::kData, *stream);
  CloseIfEnded(*stream);
  return event;
}

H2Event H2Session::RefuseData(H2Stream& stream, H2Reason reason) {
  ConsumeOfConnection(header_.size);
  left_ += pad_left_;
  state_ = State::kSkip;
  return FailStream(stream, reason);
}

H2Event H2Session::TakeData(std::string_view* input) {
  const std::string_view data = TakeBytes(input, left_);
  left_ -= static_cast<uint32_t>(data.size());
  const bool is_last = left_ == 0;
  if (is_last) {
    left_ = pad_left_;
    state_ = State::kSkip;
  }
  H2Stream* stream = streams_.Find(header_.stream);
  if (stream == nullptr) {  // The user reset it between two pieces of the frame.
    ConsumeOfConnection(static_cast<uint32_t>(data.size()));
    return {};
  }
  if (is_last && header_.Has(kH2EndStream)) EndRemote(*stream);
  H2Event event = Event(H2Event::Kind::kData, *stream);
  event.data = data;
  CloseIfEnded(*stream);
  return event;
}

H2Event H2Session::TakePayload(std::string_view* input, bool* is_waiting) {
  if (partial_.empty() && input->size() >= header_.size) {
    state_ = State::kHeader;
    return HandleFrame(TakeBytes(input, header_.size));
  }
  partial_.append(TakeBytes(input, header_.size - partial_.size()));
  *is_waiting = partial_.size() < header_.size;
  if (*is_waiting) return {};
  state_ = State::kHeader;
  const H2Event event = HandleFrame(partial_);
  partial_.clear();
  if (partial_.capacity() > kIdlePartialKept) partial_.shrink_to_fit();
  return event;
}

H2Event H2Session::HandleFrame(std::string_view payload) {
  switch (static_cast<H2FrameType>(header_.type)) {
    case H2FrameType::kHeaders:
      return HandleHeaders(payload);
    case H2FrameType::kContinuation:
      return HandleContinuation(payload);
    case H2FrameType::kSettings:
      return HandleSettings(payload);
    case H2FrameType::kPing:
      return HandlePing(payload);
    case H2FrameType::kGoaway:
      return HandleGoaway(payload);
    case H2FrameType::kWindowUpdate:
      return HandleWindowUpdate(payload);
    case H2FrameType::kRstStream:
      return HandleRstStream(payload);
    case H2FrameType::kPushPromise:
      return Fail(H2Reason::kPushForbidden);
    case H2FrameType::kData:
    case H2FrameType::kPriority:
      break;  // Never gathered.
  }
  return {};
}

H2Event H2Session::HandleSettings(std::string_view payload) {
  if (header_.Has(kH2Ack)) {
    if (!is_settings_ack_due_) return Fail(H2Reason::kSettingsAckUnasked);
    HandleSettingsAck();
    return {};
  }
  if (!settings_bucket_.Take(limits_.settings, now_ns_)) return Fail(H2Reason::kSettingsFlood);
  uint32_t window = peer_initial_window_;
  for (; !payload.empty(); payload.remove_prefix(6)) {
    const H2SettingValue setting = ReadSetting(payload.data());
    const H2Reason bad = ApplySetting(setting);
    if (bad != H2Reason::kNone) return Fail(bad);
    if (setting.id == static_cast<uint16_t>(H2Setting::kInitialWindowSize)) window = setting.value;
  }
  // Once: a frame may say it thousands of times, and each costs a walk over all streams.
  if (const H2Reason bad = ApplyWindow(window); bad != H2Reason::kNone) return Fail(bad);
  PutSettingsAck(output_);
  return TakeProvoked(kH2FrameHeaderSize) ? H2Event{} : Fail(H2Reason::kOutputHeld);
}

H2Reason H2Session::ApplySetting(const H2SettingValue& setting) {
  const H2Reason bad = CheckSetting(setting);
  if (bad != H2Reason::kNone) return bad;
  switch (static_cast<H2Setting>(setting.id)) {
    case H2Setting::kHeaderTableSize:
      encoder_.SetPeerLimit(setting.value);
      break;
    case H2Setting::kEnablePush:
      // RFC 9113 section 6.5.2: a server may only say 0.
      if (role_ == H2Role::kClient && setting.value != 0) return H2Reason::kSettingInvalid;
      break;
    case H2Setting::kMaxConcurrentStreams:
      peer_stream_count_max_ = setting.value;
      break;
    case H2Setting::kInitialWindowSize:
      break;  // The last one of the frame counts.
    case H2Setting::kMaxFrameSize:
      peer_frame_size_max_ = setting.value;
      break;
    case H2Setting::kEnableConnectProtocol:
      if (peer_allows_connect_protocol_ && setting.value == 0) return H2Reason::kSettingInvalid;
      peer_allows_connect_protocol_ = setting.value == 1;
      break;
    case H2Setting::kMaxHeaderListSize:
      break;  // Advice; the peer refuses what it does not like.
  }
  return H2Reason::kNone;
}

// RFC 9113 section 6.9.2: open streams move by the difference, below 0 if need be.
H2Reason H2Session::ApplyWindow(uint32_t size) {
  const int64_t difference = static_cast<int64_t>(size) - peer_initial_window_;
  if (difference == 0) return H2Reason::kNone;
  peer_initial_window_ = size;
  bool is_sound = true;
  streams_.ForEach([&](H2Stream& stream) {
    stream.send_window += difference;
    is_sound = is_sound && stream.send_window <= kH2WindowMax;
    Schedule(stream);
  });
  return is_sound ? H2Reason::kNone : H2Reason::kWindowOverflow;
}

// Now the peer goes by what we said; until now it might have gone by the defaults.
void H2Session::HandleSettingsAck() {
  is_settings_ack_due_ = false;
  decoder_.SetTableSizeLimit(limits_.table_size_max);
  const int64_t difference = static_cast<int64_t>(own_initial_window_) - limits_.stream_window;
  own_initial_window_ = limits_.stream_window;
  streams_.ForEach([difference](H2Stream& stream) { stream.receive_window -= difference; });
}

H2Event H2Session::HandlePing(std::string_view payload) {
  if (header_.Has(kH2Ack)) {
    if (payload == "sluice-d") AnnounceDrainEnd();
    return {};
  }
  if (!ping_bucket_.Take(limits_.ping, now_ns_)) return Fail(H2Reason::kPingFlood);
  PutPing(payload, true, output_);
  return TakeProvoked(kH2FrameHeaderSize + 8) ? H2Event{} : Fail(H2Reason::kOutputHeld);
}

H2Event H2Session::HandleGoaway(std::string_view payload) {
  const uint32_t last = ReadU31(payload.data());
  const auto error = static_cast<H2Error>(ReadU32(payload.data() + 4));
  if (!settings_bucket_.Take(limits_.settings, now_ns_)) return Fail(H2Reason::kSettingsFlood);
  peer_goaway_last_ = has_peer_goaway_ ? std::min(peer_goaway_last_, last) : last;
  has_peer_goaway_ = true;
  has_refused_ = role_ == H2Role::kClient;
  return {.kind = H2Event::Kind::kGoaway, .stream = peer_goaway_last_, .error = error};
}

// Streams that the peer will never look at (section 6.8).
H2Event H2Session::NextRefused() {
  H2Stream* refused = nullptr;
  streams_.ForEach([&](H2Stream& stream) {
    if (stream.id > peer_goaway_last_) refused = &stream;
  });
  has_refused_ = refused != nullptr;
  if (refused == nullptr) return {};
  H2Event event = Event(H2Event::Kind::kReset, *refused);
  event.error = H2Error::kRefusedStream;
  RememberReset(refused->id);
  Remove(*refused);
  return event;
}

H2Event H2Session::HandleWindowUpdate(std::string_view payload) {
  if (!window_bucket_.Take(limits_.window_update, now_ns_)) {
    return Fail(H2Reason::kWindowUpdateFlood);
  }
  const uint32_t increment = ReadU31(payload.data());
  if (header_.stream == 0) {
    if (increment == 0) return Fail(H2Reason::kWindowIncrementZero);
    send_window_ += increment;
    sending_.TakeAll(blocked_);
    return send_window_ <= kH2WindowMax ? H2Event{} : Fail(H2Reason::kWindowOverflow);
  }
  H2Stream* stream = streams_.Find(header_.stream);
  if (stream == nullptr) {
    return IsIdle(header_.stream) ? Fail(H2Reason::kStreamIdle) : H2Event{};
  }
  if (increment == 0) return FailStream(*stream, H2Reason::kWindowIncrementZero);
  stream->send_window += increment;
  if (stream->send_window > kH2WindowMax) return FailStream(*stream, H2Reason::kWindowOverflow);
  Schedule(*stream);
  return {};
}

H2Event H2Session::HandleRstStream(std::string_view payload) {
  if (!reset_bucket_.Take(limits_.reset, now_ns_)) return Fail(H2Reason::kResetFlood);
  H2Stream* stream = streams_.Find(header_.stream);
  if (stream == nullptr) {
    return IsIdle(header_.stream) ? Fail(H2Reason::kStreamIdle) : H2Event{};
  }
  H2Event event = Event(H2Event::Kind::kReset, *stream);
  event.error = static_cast<H2Error>(ReadU32(payload.data()));
  Remove(*stream);
  return event;
}

}  // namespace sluice::http
