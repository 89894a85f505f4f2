// One stream of an HTTP/2 connection as the proxy holds it, at either side: what it still has to
// send, and what the peer may not yet send again. Thread: one worker. Its H2Link knows it from Join
// to Leave.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "userspace/base/intrusive_list.h"
#include "userspace/http/h1.h"
#include "userspace/http/h2_reasons.h"
#include "userspace/proxy/held_trailers.h"
#include "userspace/proxy/outbox.h"

namespace sluice::proxy {

class H2Link;
class Worker;
struct Received;

struct LaneTag;
struct AttentionTag;

class H2Lane : public base::ListLink<LaneTag>, public base::ListLink<AttentionTag> {
 public:
  explicit H2Lane(Worker& worker);
  virtual ~H2Lane() = default;
  virtual size_t held_bytes() const {
    return queue_.size() + (trailers_ == nullptr ? 0 : trailers_->size());
  }
  bool has_room() const { return room_mark_ != 0 && queue_.size() <= room_mark_; }
  bool is_all_sent() const { return queue_.size() == 0 && !has_trailers_; }

 protected:
  friend class H2Link;
  // From the link. Each may end with Leave().
  virtual void OnContent(Received& received, std::string_view content, bool is_end) = 0;
  virtual void OnTrailers(absl::Span<const http::Header> trailers) = 0;
  // By the peer, or by us for this fault of the peer's.
  virtual void OnReset(http::H2Error error, http::H2Reason fault) = 0;
  virtual void OnLinkLost(bool is_reset) = 0;  // The connection is gone.
  virtual void OnRoom() = 0;                   // After IsSendFull.
  virtual void OnAllSent() = 0;                // After SendEnd: nothing is left here.

  void Join(H2Link& link);  // As a stream without a number yet.
  void SetId(uint32_t id) { id_ = id; }
  void Leave();
  bool is_joined() const { return link_ != nullptr; }
  uint32_t id() const { return id_; }

  void SendContent(Received& received, std::string_view part);
  void SendEnd(absl::Span<const http::Header> trailers);
  bool IsSendFull();
  bool has_no_window() const;  // What is sent here stays until the peer gives the stream room.
  // Content came; the peer may send as much again of this stream after GiveBack.
  void Withhold(size_t size);
  void GiveBack();

  Worker& worker_;
  H2Link* link_ = nullptr;

 private:
  uint32_t id_ = 0;
  uint32_t withheld_ = 0;
  uint32_t room_mark_ = 0;  // OnRoom is owed when the queue falls to it; 0: it is not.
  bool has_trailers_ = false;
  bool has_ended_ = false;
  Outbox queue_;                            // Offered to the session, not yet taken by it.
  std::unique_ptr<HeldTrailers> trailers_;  // There once a stream has had some; kept then.
};

}  // namespace sluice::proxy
