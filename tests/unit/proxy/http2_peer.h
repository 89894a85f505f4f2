// A client or server of HTTP/2 at the other end of a socket of the town's (worker_town.h), for
// tests of what is said in which order: it waits for events, one connection at a time, and keeps
// them as words. Where many streams move at once, or both ends must, see pumped_peer.h, which never
// waits.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/http/h2_pair.h"
#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {

class Http2Peer {
 public:
  Http2Peer(Peer peer, http::H2Role role, const http::H2Limits& limits = {})
      : peer_(std::move(peer)), end_(std::make_unique<http::Endpoint>(role, limits)) {
    Flush();
  }
  http::H2Session& session() { return end_->session; }
  Peer& peer() { return peer_; }
  // Of all messages that came, as "name: value".
  const std::vector<std::string>& trailers() const { return end_->trailers; }

  // Sends what the windows allow.
  void Flush() {
    for (std::string out = end_->Output(); !out.empty(); out = end_->Output()) peer_.Send(out);
  }
  // Bytes that no session would make.
  void SendRaw(std::string_view bytes) {
    Flush();
    peer_.Send(bytes);
  }
  // Waits for the next event that begins so; empty if the connection ends or is silent before.
  std::string Await(std::string_view begin) {
    for (;;) {
      Flush();
      const auto found = std::find_if(events_.begin(), events_.end(),
                                      [&](const std::string& e) { return e.starts_with(begin); });
      if (found != events_.end()) {
        std::string event = *found;
        events_.erase(found);
        return event;
      }
      if (!Receive()) return "";
    }
  }
  // Takes what comes next, whatever it is.
  bool AwaitMore() { return Receive(); }
  // False: the other end does not take it all.
  bool IsTaken(uint32_t stream) {
    do Flush();
    while (session().offered_size(stream) > 0 && AwaitMore());
    return session().offered_size(stream) == 0;
  }
  uint32_t Request(std::string_view text, bool is_end = true,
                   const http::H2RequestForm& form = {}) {
    const uint32_t id = http::SendRequest(end_->session, text, is_end, form);
    Flush();
    return id;
  }
  void Answer(uint32_t stream, std::string_view head, std::string_view content) {
    end_->session.SubmitResponse(stream, http::ParseResponse(head), content.empty());
    if (!content.empty()) end_->Offer(stream, content, true);
    Flush();
  }
  void Offer(uint32_t stream, std::string_view content, bool is_end) {
    end_->Offer(stream, content, is_end);
    Flush();
  }

 private:
  bool Receive() {
    char buffer[16 * 1024];
    ssize_t size;
    do {
      size = ::recv(peer_.fd(), buffer, sizeof buffer, 0);
    } while (size < 0 && errno == EINTR);
    if (size <= 0) return false;
    for (std::string& event : end_->Feed({buffer, static_cast<size_t>(size)})) {
      events_.push_back(std::move(event));
    }
    return true;
  }

  Peer peer_;
  std::unique_ptr<http::Endpoint> end_;
  std::vector<std::string> events_;
};

}  // namespace sluice::proxy
