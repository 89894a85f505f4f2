// One HTTP/2 connection on a socket, at either side: moves bytes between a Stream and an
// http::H2Session and content between the session and its lanes. What events mean is its
// descendants' part: Http2Connection (clients), Http2Upstream (endpoints). Thread: one worker.
#pragma once

#include <cstdint>
#include <string_view>

#include "userspace/http/h2_session.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/proxy/close_reason.h"
#include "userspace/proxy/h2_lane.h"
#include "userspace/proxy/stream.h"

namespace sluice::proxy {

class H2Link : protected StreamOwner, private http::H2Source {
 public:
  H2Link(Worker& worker, http::H2Role role, const http::H2Limits& limits);
  ~H2Link();

  http::H2Session& session() { return session_; }
  void RequestSend() { stream_.RequestService(); }
  // Makes room in the session before the turn's end, as far as a queue may fill.
  void SendAhead();

 protected:
  friend class H2Lane;

  // A head, a reset of nobody's stream, GOAWAY, the end of the session. For content and trailers
  // lanes are called.
  virtual void OnEvent(const http::H2Event& event) = 0;
  // Nothing is open and nothing will be: LastSend or Close.
  virtual void OnIdle() = 0;
  virtual void OnLinkClosed() = 0;        // Nothing is left in the kernel; may free us.
  virtual void OnPeerEnd() = 0;           // FIN.
  virtual void OnInput(size_t size) = 0;  // So many bytes were read and dealt with.

  void Open(base::UniqueFd fd, std::string_view first_bytes);
  bool is_open() const { return stream_.is_attached() && !is_last_send_ && !is_closed_; }
  void LoseLanes(bool is_reset);
  // visit(H2Lane&); lanes may leave meanwhile.
  template <typename Visit>
  void ForEachLane(Visit visit) {
    base::IntrusiveList<H2Lane, LaneTag> all;
    all.TakeAll(lanes_);
    while (H2Lane* lane = all.PopFront()) {
      lanes_.PushBack(*lane);
      visit(*lane);
    }
  }
  // Sends what is queued and FIN, waits a little for the peer's.
  void LastSend(CloseReason reason);
  void Close(CloseReason reason, bool reset);
  CloseReason close_reason() const { return close_reason_; }
  bool has_lanes() const { return lane_count_ > 0; }
  size_t lane_count() const { return lane_count_; }
  size_t link_held_bytes();
  // The idle time of a connection without lanes.
  void SetIdleTimeout(uint64_t timeout_ns) { idle_timeout_ns_ = timeout_ns; }

  Worker& worker_;
  http::H2Session session_;
  Stream stream_;

 private:
  // StreamOwner
  void OnReceive(Stream& stream, Received& received) final;
  void OnReceiveEnd(Stream& stream) final;
  void OnSendDrained(Stream& stream) final;
  void OnBroken(Stream& stream, int error) final;
  void OnClosed(Stream& stream) final;
  void OnBeforeSend(Stream& stream) final;
  // H2Source
  void Read(uint32_t stream, uint64_t user, char* out, size_t size) final;

  void TakeInput(Received& received);
  void MakeOutput();
  void CountSession();
  void Dispatch(const http::H2Event& event, Received& received);
  void Withhold(uint32_t size);
  void GiveBack(uint32_t stream, uint32_t size);
  void SettleWindow();
  void Notice(H2Lane& lane);
  void AttendAll();
  void Attend(H2Lane& lane);
  void CheckIdle();
  void ArmTimer();
  static void OnTimer(void* self);
  void HandleTimer();

  base::IntrusiveList<H2Lane, LaneTag> lanes_;
  base::IntrusiveList<H2Lane, AttentionTag> attention_;  // Trailers are due, or room is there.
  size_t lane_count_ = 0;
  size_t counted_bytes_ = 0;  // Of the session, in the worker's budget.
  // Content that lanes could not pass on yet; of it, what still narrows the connection's window.
  size_t withheld_size_ = 0;
  size_t owed_size_ = 0;
  uint64_t idle_timeout_ns_ = 0;
  uint64_t idle_since_ns_ = 0;
  uint64_t last_input_ns_ = 0;
  uint64_t last_progress_ns_ = 0;  // Of what we send.
  uint64_t last_send_deadline_ns_ = 0;
  bool is_last_send_ = false;
  bool is_closed_ = false;
  CloseReason close_reason_ = CloseReason::kDone;
  io::Timer timer_;
};

}  // namespace sluice::proxy
