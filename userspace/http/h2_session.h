// One HTTP/2 connection (RFC 9113) without I/O, as server or client: bytes in become events, what
// is submitted becomes bytes out. Heads come and go in the form of HTTP/1.1 (h2_head.h).
//
// Back-pressure is structural. In: a peer gets its window back only for what the user consumed.
// Out: the user says how much it has, and Produce takes it when windows and room allow, 16 KiB of a
// stream a turn. No allocation per request in steady state.
// Bounds: H2Limits. Thread: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "userspace/http/h2_encode.h"
#include "userspace/http/h2_frame.h"
#include "userspace/http/h2_head.h"
#include "userspace/http/h2_rate.h"
#include "userspace/http/h2_streams.h"

namespace sluice::http {

enum class H2Role : uint8_t { kServer, kClient };

struct H2Event {
  enum class Kind : uint8_t {
    kNone,      // More input is needed.
    kRequest,   // Server: a head, in H2HeadBuffer::request; the stream is new.
    kResponse,  // Client: a head, in H2HeadBuffer::response; below 200 others follow.
    kData,      // Content, in `data`: a view into the input. To be given back by Consume.
    kTrailers,  // In H2HeadBuffer::trailers; the peer's end has ended.
    kReset,     // The stream is gone: the peer reset it (`error`), or we did (`reason`). Also told
                // of requests that were refused before they became a stream of the user's.
    kGoaway,    // The peer takes no more streams; those it did not see come as kReset with
                // kRefusedStream and may be tried again.
    kFailed,    // The connection must be closed once the output is sent. The last event.
  };
  Kind kind = Kind::kNone;
  uint32_t stream = 0;
  uint64_t user = 0;  // What the user gave the stream.
  bool is_end_stream = false;
  std::string_view data;
  H2Error error = H2Error::kNoError;
  H2Reason reason = H2Reason::kNone;
  uint64_t refused_size = 0;  // kReset: what a head that was refused came to, decoded.
};

// Where Produce gets content from.
class H2Source {
 public:
  virtual ~H2Source() = default;
  // Writes exactly `size` bytes, which were offered, to `out`.
  virtual void Read(uint32_t stream, uint64_t user, char* out, size_t size) = 0;
};

class H2Session {
 public:
  // `limits` and `buffer` outlive the session; the buffer may be shared by sessions of one thread.
  H2Session(H2Role role, const H2Limits& limits, H2HeadBuffer& buffer);

  // Queues the preface. Call once, first.
  void Start(uint64_t now_ns);
  // Takes bytes off the front of *input up to the next event. Views in the event are valid until
  // the input or the buffer changes. Call until kNone or kFailed.
  H2Event Next(std::string_view* input, uint64_t now_ns);
  // Looks at the clock: kFailed, or kNone.
  H2Event CheckTime(uint64_t now_ns);
  uint64_t next_check_ns() const;  // UINT64_MAX if there is nothing to wait for.

  // Client: the new stream's identifier, or 0 if none can be opened now (CanSubmitRequest).
  bool CanSubmitRequest() const;
  uint32_t SubmitRequest(const RequestHead& head, const H2RequestForm& form, bool is_end_stream,
                         uint64_t user);
  // These do nothing and say false if the stream is gone or the call is out of turn.
  bool SubmitResponse(uint32_t stream, const ResponseHead& head, bool is_end_stream);
  // Requires that all that was offered is taken. Ends the stream. Tunnels have none.
  bool SubmitTrailers(uint32_t stream, absl::Span<const Header> trailers);
  // `size` more bytes wait in the source; the stream ends behind them if `is_end`.
  bool Offer(uint32_t stream, uint64_t size, bool is_end);
  // The user is done with `size` bytes of kData, whether or not the stream is still there.
  void Consume(uint32_t stream, uint32_t size);
  // The same in two parts: the window of the connection may be given back before that of a stream
  // which is not read, so that it does not hold up the others.
  void ConsumeOfConnection(uint32_t size);
  void ConsumeOfStream(uint32_t stream, uint32_t size);
  void Reset(uint32_t stream, H2Error error);
  // The peer's end is not awaited: once ours is sent, RST_STREAM(NO_ERROR) follows (RFC 9113
  // section 8.1).
  void ResetAfterEnd(uint32_t stream);
  void SetUser(uint32_t stream, uint64_t user);

  // Takes no new streams, in two steps (RFC 9113 section 6.8): those on their way are still served.
  void Drain(uint64_t now_ns);
  // Says GOAWAY at once and nothing else any more.
  void Close(H2Error error);

  // Fills `out`: answers and heads first, then windows, then content in turn. 0: nothing to send
  // now.
  size_t Produce(char* out, size_t room, H2Source& source);
  bool HasOutput() const;

  bool is_failed() const { return state_ == State::kFailed; }
  bool is_draining() const { return drain_ != DrainStep::kNone || has_peer_goaway_; }
  // Nothing is open and nothing may be opened: close it.
  bool is_drained() const;
  uint32_t stream_count() const { return streams_.count(); }
  uint32_t last_peer_stream() const { return last_peer_id_; }
  uint64_t offered_size(uint32_t stream);
  // The peer takes no content of this stream now, and gives its streams less than the ordinary
  // window to begin with: no reader that only waits for its next update.
  bool has_no_window(uint32_t stream);
  // Memory of what has not come whole or has not been sent.
  size_t held_bytes() const {
    return output_.capacity() + partial_.capacity() + block_.capacity() + scratch_.capacity();
  }
  bool has_peer_settings() const { return has_settings_; }
  bool is_mid_block() const { return block_stream_ != 0; }  // HEADERS whose end is to come.
  bool peer_allows_connect_protocol() const { return peer_allows_connect_protocol_; }
  H2HeadBuffer& buffer() { return buffer_; }

 private:
  enum class State : uint8_t { kPreface, kHeader, kPadLength, kData, kPayload, kSkip, kFailed };
  enum class DrainStep : uint8_t { kNone, kAnnounced, kFinal };

  // Input: h2_receive.cc.
  H2Event Step(std::string_view* input, bool* is_waiting);
  bool TakePreface(std::string_view* input);
  H2Event TakeHeader(std::string_view* input, bool* is_waiting);
  H2Event BeginData();
  H2Event TakeData(std::string_view* input);
  H2Event RefuseData(H2Stream& stream, H2Reason reason);
  H2Event TakePayload(std::string_view* input, bool* is_waiting);
  H2Event HandleFrame(std::string_view payload);
  H2Event HandleSettings(std::string_view payload);
  H2Reason ApplySetting(const H2SettingValue& setting);
  H2Reason ApplyWindow(uint32_t size);
  void HandleSettingsAck();
  H2Event HandlePing(std::string_view payload);
  H2Event HandleGoaway(std::string_view payload);
  H2Event HandleWindowUpdate(std::string_view payload);
  H2Event HandleRstStream(std::string_view payload);
  H2Event NextRefused();

  // Heads: h2_receive_head.cc.
  H2Event HandleHeaders(std::string_view payload);
  H2Event HandleContinuation(std::string_view payload);
  H2Event HandleBlock(uint32_t id, bool is_end_stream, std::string_view block);
  H2Event HandleRequest(uint32_t id, bool is_end_stream, std::string_view block);
  H2Event HandleResponse(H2Stream& stream, bool is_end_stream, std::string_view block);
  H2Event HandleTrailers(H2Stream& stream, bool is_end_stream, std::string_view block);
  H2Event SkipBlock(std::string_view block, H2Event after);
  H2Event RefuseRequest(uint32_t id, H2Reason reason, uint64_t list_size);
  void StartBody(H2Stream& stream, BodyKind body, uint64_t content_length);

  // States.
  H2Event Fail(H2Reason reason);
  H2Event FailStream(H2Stream& stream, H2Reason reason, uint64_t list_size = 0);
  bool TakeRefusal(uint64_t list_size);
  H2Event Event(H2Event::Kind kind, const H2Stream& stream) const;
  bool IsIdle(uint32_t id) const;
  bool is_mid_frame() const;
  uint32_t GoawayLast() const;
  bool WasReset(uint32_t id) const;
  void RememberReset(uint32_t id);
  void EndRemote(H2Stream& stream);
  void EndLocal(H2Stream& stream);
  void CloseIfEnded(H2Stream& stream);
  void Remove(H2Stream& stream);
  bool TakeProvoked(size_t size);

  // Output: h2_send.cc.
  void Schedule(H2Stream& stream);
  size_t TakeOutput(char* out, size_t room);
  size_t PutWindowUpdates(char* out, size_t room);
  size_t PutData(char* out, size_t room, H2Source& source);
  size_t PutDataFrame(H2Stream& stream, char* out, size_t room, H2Source& source);
  void PutBlock(uint32_t stream, bool is_end_stream);
  void AnnounceDrainEnd();

  const H2Role role_;
  const H2Limits& limits_;
  H2HeadBuffer& buffer_;
  HpackDecoder decoder_;
  HpackEncoder encoder_;
  H2Streams streams_;
  base::IntrusiveList<H2Stream, SendTag> sending_;
  base::IntrusiveList<H2Stream, SendTag> blocked_;  // By the window of the connection.
  base::IntrusiveList<H2Stream, WindowTag> returning_;

  // Input.
  State state_ = State::kPreface;
  uint32_t preface_seen_ = 0;
  bool has_settings_ = false;  // The peer's first frame came.
  char header_bytes_[kH2FrameHeaderSize] = {};
  uint8_t header_seen_ = 0;
  uint64_t frame_begin_ns_ = 0;  // When its first byte came.
  H2FrameHeader header_;
  uint32_t left_ = 0;          // Of content, payload or what is skipped.
  uint32_t pad_left_ = 0;      // Behind the content.
  std::string partial_;        // A payload that came in pieces.
  std::string block_;          // A field block whose end is still to come.
  uint32_t block_stream_ = 0;  // 0: none is open.
  bool is_block_end_stream_ = false;
  uint32_t continuation_count_ = 0;
  uint64_t now_ns_ = 0;

  // Streams.
  uint32_t last_peer_id_ = 0;
  uint32_t skipped_last_ = 0;  // The highest number that the peer passed over.
  uint32_t next_own_id_ = 1;
  std::vector<uint32_t> resets_;  // Ring of streams that we reset: frames for them are on the way.
  uint32_t reset_next_ = 0;
  uint32_t reset_forgotten_ = 0;  // The highest that fell out of the ring.
  DrainStep drain_ = DrainStep::kNone;
  uint32_t drain_last_id_ = 0;
  bool has_peer_goaway_ = false;
  bool has_refused_ = false;
  uint32_t peer_goaway_last_ = 0;

  // Windows and settings.
  int64_t send_window_ = kH2WindowDefault;
  int64_t receive_window_ = kH2WindowDefault;
  uint32_t returnable_ = 0;
  uint32_t open_heads_size_ = 0;
  uint32_t own_initial_window_;  // What a new stream may be sent: larger until SETTINGS is known.
  uint32_t peer_initial_window_ = kH2WindowDefault;
  uint32_t peer_frame_size_max_ = kH2FrameSizeMin;
  uint32_t peer_stream_count_max_ = UINT32_MAX;
  bool peer_allows_connect_protocol_ = false;
  bool is_settings_ack_due_ = false;
  uint64_t settings_sent_ns_ = 0;
  uint64_t last_input_ns_ = 0;
  uint64_t ping_sent_ns_ = 0;  // 0: none is on its way.

  // Output.
  std::string output_;
  size_t output_begin_ = 0;
  size_t provoked_size_ = 0;
  std::string scratch_;  // A block being encoded.

  H2Bucket reset_bucket_;
  H2Bucket refusal_bucket_;
  H2Bucket ping_bucket_;
  H2Bucket settings_bucket_;
  H2Bucket empty_bucket_;
  H2Bucket window_bucket_;
  H2Bucket priority_bucket_;
};

}  // namespace sluice::http
