// One TCP socket in the ring: receives, sends with back-pressure, half-closes, closes once.
// Everything that is asked for takes effect at the end of the worker's turn; owners are called by
// the loop only. Thread: one worker. Owns the descriptor. Requires: the owner keeps the Stream in
// place until OnClosed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "userspace/base/intrusive_list.h"
#include "userspace/base/unique_fd.h"
#include "userspace/io/ring.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/outbox.h"

namespace sluice::proxy {

class Stream;
class Worker;

// Bytes that arrived. Valid during OnReceive only, unless Stream::Forward borrows their buffer.
struct Received {
  std::string_view data;
  uint16_t buffer = 0;
  bool has_buffer = false;  // False: stashed bytes, cannot be borrowed; or already borrowed.
};

// Appends to bytes that are held until they are a whole head. Grown step by step, large ones would
// leave holes in memory that nothing of their size fits into.
inline void AppendHead(std::string_view part, std::string& held) {
  const size_t size = held.size() + part.size();
  if (size > kLargeHeadFrom && size < kLargeHeadRoom) held.reserve(kLargeHeadRoom);
  held.append(part);
}

class StreamOwner {
 public:
  // May close any stream. What it does not take is lost.
  virtual void OnReceive(Stream& stream, Received& received) = 0;
  virtual void OnReceiveEnd(Stream& stream) = 0;  // The peer sent FIN.
  // The queue fell to its low mark or below; also once after the FIN of FinishSending went out.
  virtual void OnSendDrained(Stream& stream) = 0;
  virtual void OnBroken(Stream& stream, int error) = 0;  // Reset or another error (errno).
  virtual void OnClosed(Stream& stream) = 0;  // After Close: nothing is left in the kernel.
  // A send is about to be made; what is written now goes with it. May close the stream.
  virtual void OnBeforeSend(Stream&) {}
  // The turn after PutBack has come. What the stream has kept follows by OnReceive.
  virtual void OnNextTurn(Stream&) {}

 protected:
  ~StreamOwner() = default;
};

struct DirtyTag;
struct LaterTag;

class Stream : public base::ListLink<DirtyTag>, public base::ListLink<LaterTag> {
 public:
  Stream(Worker& worker, StreamOwner& owner);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Takes a connected socket. What was written before goes out now.
  void Attach(base::UniqueFd fd);
  bool is_attached() const { return fd_.is_valid(); }
  int fd() const { return fd_.get(); }
  void SetOwner(StreamOwner& owner) { owner_ = &owner; }

  void StartReceiving();
  void PauseReceiving();  // What arrives meanwhile is stashed; soon the kernel holds the peer back.
  // A multishot receive hands over all that the socket has before it can be paused: one buffer
  // instead, where what comes can only be kept.
  void SetOneAtATime(bool is_one_at_a_time) { is_one_at_a_time_ = is_one_at_a_time; }
  // The peer's reset breaks the stream also while it is paused: what it sent before is lost then.
  void BreakWhilePaused() { breaks_while_paused_ = true; }
  // Enough for this turn: `rest`, the end of what OnReceive gave (or that of an owner who keeps it
  // himself, empty), comes in one of the next, before all that arrives meanwhile.
  void PutBack(std::string_view rest);
  bool is_put_back() const {
    return static_cast<const base::ListLink<LaterTag>&>(*this).is_linked();
  }

  void Write(std::string_view bytes);     // Copies.
  void RequestService() { MarkDirty(); }  // OnBeforeSend follows in this turn, if it can send.
  void Forward(Received& received,
               std::string_view part);  // `part` of received.data; borrows when it pays.
  size_t queued_size() const { return outbox_.size(); }
  uint64_t sent_size() const { return sent_size_; }  // Bytes that the kernel has taken so far.
  // If so, OnSendDrained follows once there is room again.
  bool is_above_high_mark();
  size_t held_bytes() const { return outbox_.size() + stash_.size(); }
  void FinishSending();  // FIN once the queue is empty.
  bool has_sent_fin() const { return has_sent_fin_; }
  bool has_received_end() const { return has_received_end_; }
  // The peer's FIN came and everything before it has been given to the owner.
  bool is_input_over() const { return has_received_end_ && !must_report_end_; }

  // Drops the queue. `reset`: RST instead of FIN. OnClosed follows from the loop. Only the first
  // call counts.
  void Close(bool reset);
  bool is_closing() const { return is_closing_; }
  // The socket leaves the ring and stays open: OnClosed follows, then TakeFd and TakeInput, which
  // is what arrived meanwhile. Requires: nothing was written.
  void Release();
  base::UniqueFd TakeFd() { return std::move(fd_); }
  std::string TakeInput();

  void Service();  // By the worker, at the end of a turn.
  void GoOn();     // By the worker, which has taken it from among those that were put back.

 private:
  void MarkDirty();
  static void OnReceiveComplete(void* self, const io::Completion& completion);
  static void OnSendComplete(void* self, const io::Completion& completion);
  static void OnWatchComplete(void* self, const io::Completion& completion);
  static void OnBusyTimer(void* self);
  void HandleReceived(const io::Completion& completion);
  void HandleSent(const io::Completion& completion);
  void NoteHangup(int events);
  void ReportHangup();
  bool IsResetWhilePaused();
  bool MayDeliver() const { return wants_receive_ && !is_closing_ && !is_put_back(); }
  void LeaveDirty() { static_cast<base::ListLink<DirtyTag>&>(*this).Unlink(); }
  void LeaveLater() { static_cast<base::ListLink<LaterTag>&>(*this).Unlink(); }
  void ArmReceive();
  void StopMultishot();
  void WatchForReset();
  bool has_operations() const {
    return receive_.is_pending || send_.is_pending || watch_.is_pending;
  }
  void DeliverStash();
  void PrepareSend();
  void RetryLater();
  void ContinueClose();

  Worker& worker_;
  StreamOwner* owner_;
  base::UniqueFd fd_;
  io::Operation receive_;
  io::Operation send_;
  io::Operation watch_;  // For the peer's reset, where no receive tells: paused, after its FIN.
  Outbox outbox_;
  Outbox stash_;
  uint64_t sent_size_ = 0;
  io::Timer busy_timer_;
  uint64_t busy_since_ns_ = 0;
  uint64_t busy_wait_ns_ = 0;   // Of the last retry; 0: the last send was taken.
  size_t drain_mark_ = 0;       // OnSendDrained is owed when the queue falls to it; 0: it is not.
  uint32_t put_back_size_ = 0;  // Of the part of the stash that is being delivered.
  bool wants_receive_ : 1 = false;
  bool is_one_at_a_time_ : 1 = false;
  bool is_delivering_stash_ : 1 = false;
  bool is_cancelling_receive_ : 1 = false;
  bool has_received_end_ : 1 = false;
  bool must_report_end_ : 1 = false;
  bool has_watched_ : 1 = false;
  bool has_hung_up_ : 1 = false;  // The watch saw a reset.
  bool breaks_while_paused_ : 1 = false;
  bool is_waiting_for_room_ : 1 = false;  // `send_` is a poll.
  bool wants_fin_ : 1 = false;
  bool has_sent_fin_ : 1 = false;
  bool must_report_drained_ : 1 = false;
  bool is_broken_ : 1 = false;
  bool is_preparing_ : 1 = false;
  bool is_closing_ : 1 = false;
  bool is_reset_ : 1 = false;
  bool is_released_ : 1 = false;
  bool has_cancelled_ : 1 = false;
};

}  // namespace sluice::proxy
