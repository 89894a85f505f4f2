// Field blocks: gathered from HEADERS and CONTINUATION, then read as what they are in their place.
// Whatever becomes of a stream, its block goes through the decoder, or the connection ends.
#include "userspace/http/h2_session.h"

namespace sluice::http {

H2Event H2Session::HandleHeaders(std::string_view payload) {
  const H2Padding fragment = ReadHeadersFragment(header_, payload);
  if (fragment.bad != H2Reason::kNone) return Fail(fragment.bad);
  const std::string_view block = payload.substr(fragment.content_begin, fragment.content_size);
  const bool is_end_stream = header_.Has(kH2EndStream);
  if (header_.Has(kH2EndHeaders)) return HandleBlock(header_.stream, is_end_stream, block);
  block_.assign(block);
  block_stream_ = header_.stream;
  is_block_end_stream_ = is_end_stream;
  continuation_count_ = 0;
  return {};
}

H2Event H2Session::HandleContinuation(std::string_view payload) {
  if (block_stream_ == 0) return Fail(H2Reason::kContinuationUnexpected);
  const bool is_end = header_.Has(kH2EndHeaders);
  if (payload.empty() && !is_end && !empty_bucket_.Take(limits_.empty_frame, now_ns_)) {
    return Fail(H2Reason::kEmptyFrameFlood);
  }
  if (++continuation_count_ > limits_.continuation_count_max ||
      block_.size() + payload.size() > limits_.block_size_max) {
    return Fail(H2Reason::kContinuationFlood);
  }
  block_.append(payload);
  if (!is_end) return {};
  const uint32_t id = block_stream_;
  block_stream_ = 0;
  const H2Event event = HandleBlock(id, is_block_end_stream_, block_);
  block_ = std::string();  // Rare and large: not kept.
  return event;
}

H2Event H2Session::HandleBlock(uint32_t id, bool is_end_stream, std::string_view block) {
  if (role_ == H2Role::kServer && id % 2 == 1 && id > last_peer_id_) {
    return HandleRequest(id, is_end_stream, block);
  }
  if (role_ == H2Role::kServer && id % 2 == 0) return Fail(H2Reason::kStreamIdOrder);
  H2Stream* stream = streams_.Find(id);
  if (stream == nullptr) {
    if (IsIdle(id)) return Fail(H2Reason::kStreamIdle);
    if (!WasReset(id)) {
      // Section 5.1.1: not of a stream that was ever used, unless the number is above all skipped.
      return Fail(id <= skipped_last_ ? H2Reason::kStreamIdOrder : H2Reason::kStreamClosed);
    }
    if (!priority_bucket_.Take(limits_.priority, now_ns_)) return Fail(H2Reason::kPriorityFlood);
    return SkipBlock(block, {});
  }
  if (stream->is_remote_ended) {
    const H2Event event = SkipBlock(block, {});
    return event.kind != H2Event::Kind::kNone ? event
                                              : FailStream(*stream, H2Reason::kStreamClosed);
  }
  return stream->has_remote_head ? HandleTrailers(*stream, is_end_stream, block)
                                 : HandleResponse(*stream, is_end_stream, block);
}

H2Event H2Session::SkipBlock(std::string_view block, H2Event after) {
  H2HeadReader reader(limits_, decoder_, buffer_);
  const H2Reason bad = reader.Skip(block);
  if (bad != H2Reason::kNone) return Fail(bad);
  // An ordinary one is nothing to count here; a bomb costs the same wherever it comes.
  const bool is_large = reader.list_size() > limits_.header_list_size_max;
  return is_large && !TakeRefusal(reader.list_size()) ? Fail(H2Reason::kRefusalFlood) : after;
}

// A stream that never becomes one for the user. What is merely too large is answered, because its
// sender can be told; what is malformed is reset (RFC 9113 section 8.1.1).
H2Event H2Session::RefuseRequest(uint32_t id, H2Reason reason, uint64_t list_size) {
  if (!TakeRefusal(list_size)) return Fail(H2Reason::kRefusalFlood);
  const size_t before = output_.size();
  const bool is_answered =
      H2ReasonError(reason) == H2Error::kEnhanceYourCalm || reason == H2Reason::kExpectInvalid;
  if (is_answered) {
    EncodeEmptyResponse(H2ReasonStatus(reason), encoder_, scratch_);
    PutBlock(id, true);
  }
  PutRstStream(id, is_answered ? H2Error::kNoError : H2ReasonError(reason), output_);
  RememberReset(id);
  if (!TakeProvoked(output_.size() - before)) return Fail(H2Reason::kOutputHeld);
  return {.kind = H2Event::Kind::kReset,
          .stream = id,
          .error = H2ReasonError(reason),
          .reason = reason,
          .refused_size = list_size};
}

H2Event H2Session::HandleRequest(uint32_t id, bool is_end_stream, std::string_view block) {
  if (id > last_peer_id_ + 2) skipped_last_ = id - 2;
  last_peer_id_ = id;
  const bool is_late = drain_ == DrainStep::kFinal && id > drain_last_id_;
  if (is_late) {  // The peer knows from GOAWAY that nobody looks at it.
    RememberReset(id);
    return SkipBlock(block, {});
  }
  H2HeadReader reader(limits_, decoder_, buffer_);
  const H2Reason bad = reader.ReadRequest(block, is_end_stream);
  if (H2ReasonError(bad) == H2Error::kCompressionError) return Fail(bad);
  if (streams_.count() >= limits_.stream_count_max) {
    return RefuseRequest(id, H2Reason::kStreamsExceeded, reader.list_size());
  }
  if (bad != H2Reason::kNone) return RefuseRequest(id, bad, reader.list_size());
  if (open_heads_size_ + buffer_.request.head_size > limits_.open_heads_size_max) {
    return RefuseRequest(id, H2Reason::kHeadsHeld, reader.list_size());
  }
  H2Stream& stream = streams_.Add(id);
  stream.head_size = buffer_.request.head_size;
  open_heads_size_ += stream.head_size;
  stream.send_window = peer_initial_window_;
  stream.receive_window = own_initial_window_;
  stream.has_remote_head = true;
  stream.is_remote_ended = is_end_stream;
  stream.is_head_request = buffer_.request.method == "HEAD";
  stream.is_tunnel = buffer_.request.method == "CONNECT" || !buffer_.protocol.empty();
  StartBody(stream, buffer_.request.body, buffer_.request.content_length);
  return Event(H2Event::Kind::kRequest, stream);
}

void H2Session::StartBody(H2Stream& stream, BodyKind body, uint64_t content_length) {
  stream.has_length = body == BodyKind::kLength;
  stream.body_left = content_length;
}

H2Event H2Session::HandleResponse(H2Stream& stream, bool is_end_stream, std::string_view block) {
  H2HeadReader reader(limits_, decoder_, buffer_);
  const H2Reason bad = reader.ReadResponse(
      block, is_end_stream, {.is_head = stream.is_head_request, .is_connect = stream.is_connect});
  if (H2ReasonError(bad) == H2Error::kCompressionError) return Fail(bad);
  if (bad != H2Reason::kNone) return FailStream(stream, bad, reader.list_size());
  const ResponseHead& head = buffer_.response;
  if (head.status < 200) {
    if (++stream.interim_count > limits_.interim_count_max) {
      return FailStream(stream, H2Reason::kInterimFlood);
    }
    return Event(H2Event::Kind::kResponse, stream);
  }
  stream.is_tunnel = stream.is_connect && head.status < 300;
  stream.has_remote_head = true;
  stream.has_no_content = head.body == BodyKind::kNone && !stream.is_tunnel;
  StartBody(stream, head.body, head.content_length);
  if (is_end_stream) EndRemote(stream);
  const H2Event event = Event(H2Event::Kind::kResponse, stream);
  CloseIfEnded(stream);
  return event;
}

H2Event H2Session::HandleTrailers(H2Stream& stream, bool is_end_stream, std::string_view block) {
  H2HeadReader reader(limits_, decoder_, buffer_);
  H2Reason bad = reader.ReadTrailers(block);
  if (H2ReasonError(bad) == H2Error::kCompressionError) return Fail(bad);
  if (bad == H2Reason::kNone && stream.is_tunnel) bad = H2Reason::kHeadersUnexpected;
  if (bad == H2Reason::kNone && !is_end_stream) bad = H2Reason::kTrailersUnended;
  if (bad == H2Reason::kNone && stream.has_length && stream.body_left > 0) {
    bad = H2Reason::kContentLengthMismatch;
  }
  if (bad != H2Reason::kNone) return FailStream(stream, bad, reader.list_size());
  EndRemote(stream);
  const H2Event event = Event(H2Event::Kind::kTrailers, stream);
  CloseIfEnded(stream);
  return event;
}

}  // namespace sluice::http
