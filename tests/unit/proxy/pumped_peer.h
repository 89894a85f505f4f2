// One end of an HTTP/2 connection of the test's own: a session on a socket, moved by Pump. Several
// may take turns in one thread. It never waits and keeps sums instead of content, for tests with a
// thousand streams or megabytes; what is said word for word is http2_peer.h's, which waits.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/proxy/worker_town.h"
#include "userspace/http/h2_session.h"

namespace sluice::proxy {

class PumpedPeer : private http::H2Source {
 public:
  struct Seen {
    uint16_t status = 0;  // At a client.
    size_t content_size = 0;
    bool is_ended = false;
    bool is_reset = false;
  };

  PumpedPeer(Peer peer, http::H2Role role)
      : peer_(std::move(peer)), session_(role, limits_, buffer_) {
    session_.Start(kNow);
  }

  http::H2Session& session() { return session_; }
  const std::map<uint32_t, Seen>& streams() const { return streams_; }
  bool is_over() const { return is_over_; }
  size_t CountEnded() const {
    return static_cast<size_t>(std::count_if(streams_.begin(), streams_.end(),
                                             [](const auto& s) { return s.second.is_ended; }));
  }
  // What is sent by such a stream's other end is taken, and never given back.
  void Stall(std::function<bool(uint32_t)> is_stalled) { is_stalled_ = std::move(is_stalled); }

  uint32_t Request(std::string_view text, bool is_end = true) {
    http::RequestHead head;
    SLUICE_CHECK(http::ParseRequestHead(text, 0, {}, &head).status == http::ParseStatus::kComplete);
    return session_.SubmitRequest(head, {}, is_end, 0);
  }
  void RespondToAll() {
    for (const auto& [id, stream] : streams_) {
      if (stream.is_ended && !stream.is_reset) Respond(id, true);
    }
  }
  void Respond(uint32_t stream, bool is_end) {
    http::ResponseHead head;
    SLUICE_CHECK(http::ParseResponseHead("HTTP/1.1 200 OK\r\n\r\n", 0, {}, "GET", &head).status ==
                 http::ParseStatus::kComplete);
    session_.SubmitResponse(stream, head, is_end);
  }
  void FinishSending() { peer_.FinishSending(); }
  void Offer(uint32_t stream, size_t size, bool is_end) { session_.Offer(stream, size, is_end); }

  // Moves what can be moved without waiting.
  void Pump() {
    Send();
    char input[64 * 1024];
    for (int i = 0; i < 16 && !is_over_; ++i) {
      const ssize_t size = ::recv(peer_.fd(), input, sizeof input, MSG_DONTWAIT);
      if (size < 0) break;
      is_over_ = size == 0;
      Take({input, static_cast<size_t>(size)});
    }
    Send();
  }

 private:
  static constexpr uint64_t kNow = 1'000'000'000'000;

  void Read(uint32_t, uint64_t, char* out, size_t size) override { std::fill_n(out, size, 'x'); }
  void Send() {
    for (;;) {
      if (output_.empty()) {
        output_.resize(64 * 1024);
        output_.resize(session_.Produce(output_.data(), output_.size(), *this));
      }
      const ssize_t size =
          ::send(peer_.fd(), output_.data(), output_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size <= 0) return;
      output_.erase(0, static_cast<size_t>(size));
    }
  }
  void Take(std::string_view input) {
    for (;;) {
      const http::H2Event event = session_.Next(&input, kNow);
      if (event.kind == http::H2Event::Kind::kNone) return;
      is_over_ = is_over_ || event.kind == http::H2Event::Kind::kFailed;
      if (event.kind == http::H2Event::Kind::kGoaway || is_over_) continue;
      Seen& seen = streams_[event.stream];
      seen.is_reset = seen.is_reset || event.kind == http::H2Event::Kind::kReset;
      seen.is_ended = seen.is_ended || (event.is_end_stream && !seen.is_reset);
      if (event.kind == http::H2Event::Kind::kResponse) seen.status = buffer_.response.status;
      const auto size = static_cast<uint32_t>(event.data.size());
      seen.content_size += size;
      session_.ConsumeOfConnection(size);
      if (!is_stalled_(event.stream)) session_.ConsumeOfStream(event.stream, size);
    }
  }

  const http::H2Limits limits_;
  Peer peer_;
  http::H2HeadBuffer buffer_;
  http::H2Session session_;
  std::function<bool(uint32_t)> is_stalled_ = [](uint32_t) { return false; };
  std::map<uint32_t, Seen> streams_;
  std::string output_;
  bool is_over_ = false;
};

}  // namespace sluice::proxy
