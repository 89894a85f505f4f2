// What goes out: heads as they are submitted, windows as content is consumed, content in turn.
#include <algorithm>
#include <cstring>

#include "userspace/base/check.h"
#include "userspace/http/h2_session.h"

namespace sluice::http {
namespace {

constexpr uint32_t kDataTurnSize = 16384;   // Of one stream before the next has its turn.
constexpr uint32_t kDataWorthwhile = 1024;  // Less room than this waits for the next buffer.
constexpr uint32_t kAssumedStreamCountMax = 100;
// Readers give back both windows with every small read of a large frame (Go's net/http).
constexpr uint32_t kUpdatesPerData = 10;
constexpr size_t kWindowUpdateSize = kH2FrameHeaderSize + 4;

void WriteHeader(char* out, uint32_t size, H2FrameType type, uint8_t flags, uint32_t stream) {
  const char bytes[kH2FrameHeaderSize] = {
      static_cast<char>(size >> 16),   static_cast<char>(size >> 8),
      static_cast<char>(size),         static_cast<char>(type),
      static_cast<char>(flags),        static_cast<char>(stream >> 24),
      static_cast<char>(stream >> 16), static_cast<char>(stream >> 8),
      static_cast<char>(stream)};
  std::memcpy(out, bytes, sizeof(bytes));
}

void WriteWindowUpdate(char* out, uint32_t stream, uint32_t increment) {
  WriteHeader(out, 4, H2FrameType::kWindowUpdate, 0, stream);
  const char bytes[] = {static_cast<char>(increment >> 24), static_cast<char>(increment >> 16),
                        static_cast<char>(increment >> 8), static_cast<char>(increment)};
  std::memcpy(out + kH2FrameHeaderSize, bytes, sizeof(bytes));
}

}  // namespace

bool H2Session::CanSubmitRequest() const {
  // Before its SETTINGS a peer is taken to allow what RFC 9113 section 6.5.2 recommends.
  const uint32_t count_max = has_settings_ ? peer_stream_count_max_ : kAssumedStreamCountMax;
  return role_ == H2Role::kClient && state_ != State::kFailed && !is_draining() &&
         next_own_id_ < kH2WindowMax && streams_.count() < count_max &&
         output_.size() - output_begin_ < limits_.output_size_max;
}

void H2Session::PutBlock(uint32_t stream, bool is_end_stream) {
  PutHeaders(stream, is_end_stream, scratch_, peer_frame_size_max_, output_);
  scratch_.clear();
}

uint32_t H2Session::SubmitRequest(const RequestHead& head, const H2RequestForm& form,
                                  bool is_end_stream, uint64_t user) {
  if (!CanSubmitRequest()) return 0;
  if (!form.protocol.empty() && !peer_allows_connect_protocol_) return 0;
  const uint32_t id = next_own_id_;
  next_own_id_ += 2;
  H2Stream& stream = streams_.Add(id);
  stream.user = user;
  stream.send_window = peer_initial_window_;
  stream.receive_window = own_initial_window_;
  stream.has_local_head = true;
  stream.is_head_request = head.method == "HEAD";
  stream.is_connect = head.method == "CONNECT" || !form.protocol.empty();
  stream.is_local_ended = is_end_stream;
  EncodeRequest(head, form, encoder_, scratch_);
  PutBlock(id, is_end_stream);
  return id;
}

bool H2Session::SubmitResponse(uint32_t id, const ResponseHead& head, bool is_end_stream) {
  H2Stream* stream = streams_.Find(id);
  if (stream == nullptr || role_ != H2Role::kServer || stream->has_local_head) return false;
  if (output_.size() - output_begin_ >= limits_.output_size_max) return false;
  const bool is_interim = head.status < 200;
  if (is_interim && is_end_stream) return false;
  stream->has_local_head = !is_interim;
  if (head.status >= 300) stream->is_tunnel = false;
  EncodeResponse(head, encoder_, scratch_);
  PutBlock(id, is_end_stream);
  if (is_end_stream) EndLocal(*stream);
  return true;
}

bool H2Session::SubmitTrailers(uint32_t id, absl::Span<const Header> trailers) {
  H2Stream* stream = streams_.Find(id);
  if (stream == nullptr || !stream->has_local_head || stream->is_local_ended) return false;
  if (stream->offered_size > 0 || stream->is_end_offered || stream->is_tunnel) return false;
  EncodeTrailers(trailers, encoder_, scratch_);
  PutBlock(id, true);
  EndLocal(*stream);
  return true;
}

bool H2Session::Offer(uint32_t id, uint64_t size, bool is_end) {
  H2Stream* stream = streams_.Find(id);
  if (stream == nullptr || !stream->has_local_head) return false;
  if (stream->is_local_ended || stream->is_end_offered) return false;
  stream->offered_size += size;
  stream->is_end_offered = is_end;
  Schedule(*stream);
  return true;
}

bool H2Session::has_no_window(uint32_t stream) {
  const H2Stream* found = streams_.Find(stream);
  return found != nullptr && found->send_window <= 0 && peer_initial_window_ < kH2WindowDefault;
}

uint64_t H2Session::offered_size(uint32_t id) {
  const H2Stream* stream = streams_.Find(id);
  return stream == nullptr ? 0 : stream->offered_size;
}

void H2Session::SetUser(uint32_t id, uint64_t user) {
  if (H2Stream* stream = streams_.Find(id); stream != nullptr) stream->user = user;
}

void H2Session::Schedule(H2Stream& stream) {
  const bool has_data = stream.offered_size > 0 && stream.send_window > 0;
  const bool has_end = stream.offered_size == 0 && stream.is_end_offered;
  auto& link = static_cast<base::ListLink<SendTag>&>(stream);
  if ((has_data || has_end) && !link.is_linked()) sending_.PushBack(stream);
}

void H2Session::Reset(uint32_t id, H2Error error) {
  H2Stream* stream = streams_.Find(id);
  if (stream == nullptr || state_ == State::kFailed) return;
  PutRstStream(id, error, output_);
  RememberReset(id);
  Remove(*stream);
}

void H2Session::ResetAfterEnd(uint32_t id) {
  H2Stream* stream = streams_.Find(id);
  if (stream == nullptr) return;
  stream->must_reset_after_end = true;
  if (stream->is_local_ended) Reset(id, H2Error::kNoError);
}

void H2Session::Consume(uint32_t id, uint32_t size) {
  ConsumeOfConnection(size);
  ConsumeOfStream(id, size);
}

// The peer is told later, many bytes at a time: PutWindowUpdates.
void H2Session::ConsumeOfConnection(uint32_t size) { returnable_ += size; }

void H2Session::ConsumeOfStream(uint32_t id, uint32_t size) {
  H2Stream* stream = streams_.Find(id);
  if (stream == nullptr || stream->is_remote_ended) return;
  stream->returnable += size;
  auto& link = static_cast<base::ListLink<WindowTag>&>(*stream);
  // Half a window at a time: often enough that the peer never waits, seldom enough to cost nothing.
  if (stream->returnable >= limits_.stream_window / 2 && !link.is_linked()) {
    returning_.PushBack(*stream);
  }
}

bool H2Session::HasOutput() const {
  if (state_ == State::kFailed) return output_begin_ < output_.size();
  const bool has_window = returnable_ >= limits_.connection_window / 2;
  return output_begin_ < output_.size() || has_window || !returning_.is_empty() ||
         !sending_.is_empty();
}

size_t H2Session::PutWindowUpdates(char* out, size_t room) {
  size_t size = 0;
  if (state_ == State::kFailed) return 0;
  if (returnable_ > 0 && returnable_ >= limits_.connection_window / 2 &&
      room >= kWindowUpdateSize) {
    WriteWindowUpdate(out, 0, returnable_);
    receive_window_ += returnable_;
    returnable_ = 0;
    size = kWindowUpdateSize;
  }
  while (room - size >= kWindowUpdateSize) {
    H2Stream* stream = returning_.PopFront();
    if (stream == nullptr) break;
    WriteWindowUpdate(out + size, stream->id, stream->returnable);
    stream->receive_window += stream->returnable;
    stream->returnable = 0;
    size += kWindowUpdateSize;
  }
  return size;
}

// 0: the room is too small.
size_t H2Session::PutDataFrame(H2Stream& stream, char* out, size_t room, H2Source& source) {
  uint64_t size = std::min<uint64_t>(stream.offered_size, kDataTurnSize);
  size = std::min<uint64_t>(size, peer_frame_size_max_);
  size = std::min<uint64_t>(size, static_cast<uint64_t>(std::max<int64_t>(stream.send_window, 0)));
  size = std::min<uint64_t>(size, static_cast<uint64_t>(std::max<int64_t>(send_window_, 0)));
  const uint64_t needed = std::min<uint64_t>(size, kDataWorthwhile);
  if (room < kH2FrameHeaderSize + needed) return 0;
  size = std::min<uint64_t>(size, room - kH2FrameHeaderSize);
  const auto taken = static_cast<uint32_t>(size);
  if (taken > 0) source.Read(stream.id, stream.user, out + kH2FrameHeaderSize, taken);
  stream.offered_size -= taken;
  stream.send_window -= taken;
  send_window_ -= taken;
  window_bucket_.Refund(limits_.window_update, kUpdatesPerData);
  ping_bucket_.Refund(limits_.ping, 1);
  const bool is_end = stream.offered_size == 0 && stream.is_end_offered;
  WriteHeader(out, taken, H2FrameType::kData, is_end ? kH2EndStream : 0, stream.id);
  if (is_end) {
    EndLocal(stream);
  } else {
    Schedule(stream);
  }
  return kH2FrameHeaderSize + taken;
}

size_t H2Session::PutData(char* out, size_t room, H2Source& source) {
  size_t size = 0;
  while (H2Stream* stream = sending_.PopFront()) {
    const bool is_end_only = stream->offered_size == 0;
    if (!is_end_only && stream->send_window <= 0) continue;  // WINDOW_UPDATE brings it back.
    if (!is_end_only && send_window_ <= 0) {
      blocked_.PushBack(*stream);
      continue;
    }
    const size_t frame_size = PutDataFrame(*stream, out + size, room - size, source);
    if (frame_size == 0) {
      sending_.PushFront(*stream);
      break;
    }
    size += frame_size;
  }
  return size;
}

size_t H2Session::Produce(char* out, size_t room, H2Source& source) {
  size_t size = TakeOutput(out, room);
  if (output_begin_ < output_.size()) return size;
  size += PutWindowUpdates(out + size, room - size);
  if (state_ == State::kFailed) return size;
  return size + PutData(out + size, room - size, source);
}

}  // namespace sluice::http
