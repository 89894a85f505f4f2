// One HTTP/1.1 connection of a client and the exchanges it carries, one at a time. Reads heads and
// the framing of bodies; everything else is the exchange's. Thread: one worker. Owned by the worker
// as a Session.
//
//   state      waits for                 leaves to
//   kHead      a request head            kExchange, kLastSend (local answer that closes)
//   kExchange  its exchange to end       kHead (kept alive), kLastSend
//   kLastSend  our queue and FIN to go   kClosed (client's FIN, or the linger time)
//   kClosed    the ring to let go        freed
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/http/h1.h"
#include "userspace/proxy/exchange.h"
#include "userspace/proxy/http1_body.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/plan.h"
#include "userspace/proxy/stream.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

class Http1Connection final : public Session, private Requester, private StreamOwner {
 public:
  Http1Connection(Worker& worker, Accepted accepted);
  ~Http1Connection() override;

  void Start() override {
    ProcessInput();
    CountInput();  // Bytes that were read before it began are held like any others.
  }
  void Abandon(CloseReason reason) override;
  void Drain() override;
  uint32_t pod_id() const override { return pod_id_; }
  uint32_t descriptor_count() const override { return 1; }
  size_t held_bytes() const override;
  void Shed() override;

 private:
  enum class State : uint8_t { kHead, kExchange, kLastSend, kClosed };

  // StreamOwner: the client's side.
  void OnReceive(Stream& stream, Received& received) override;
  void OnReceiveEnd(Stream& stream) override;
  void OnSendDrained(Stream& stream) override;
  void OnBroken(Stream& stream, int error) override;
  void OnClosed(Stream& stream) override;
  void OnNextTurn(Stream&) override { ProcessInput(); }

  // Requester: what the exchange says (http1_answer.cc).
  bool takes_framed() const override { return true; }
  size_t WriteAnswerHead(const http::ResponseHead& head, const http::ResponseRewrite& rewrite,
                         AnswerBody body) override;
  void ForwardAnswer(Received& received, std::string_view part) override;
  void EndAnswer(absl::Span<const http::Header> trailers) override;
  bool IsAnswerFull() override { return downstream_.is_above_high_mark(); }
  bool has_no_window() const override { return false; }
  size_t WriteLocalAnswer(const LocalAnswer& answer) override;
  void OnRequestRoom() override;
  void OnTunnel() override;
  void OnExchangeFinished(CloseReason reason, bool was_request_complete) override;
  void OnExchangeAborted(CloseReason reason) override;

  // Input.
  void TakeInput(Received& received);
  void ProcessInput();
  void EndInput();
  bool HasNoMoreRequests() const { return downstream_.is_input_over() && input_.empty(); }
  size_t ReadHead(std::string_view input);
  void BeginExchange();
  void TakeBody(Received& received);
  void TakeBodyPieces(Received& received);

  void StartLastSend(CloseReason reason);
  void Close(CloseReason reason, bool reset);
  void SetDeadline(uint64_t deadline_ns);
  void FreeLargeInput();
  void CountInput();
  static void OnTimer(void* self);
  void HandleTimer();

  Worker& worker_;
  const uint32_t pod_id_;
  State state_ = State::kHead;
  bool must_close_ = false;  // After this answer.
  bool is_processing_ = false;
  bool is_http_1_0_ = false;
  CloseReason close_reason_ = CloseReason::kDone;
  const base::SocketAddress client_;
  const base::SocketAddress dialled_;
  Stream downstream_;
  Exchange* exchange_ = nullptr;  // In kExchange.
  http::BodyFramer request_body_;
  H1BodyReader body_reader_;
  H1BodyWriter answer_writer_;
  // Bytes of the client not yet used: part of a head, early body, later requests.
  std::string input_;
  uint32_t input_scanned_ = 0;
  uint32_t discarded_bytes_ = 0;  // Not much more than kDiscardedBodyMax.
  size_t counted_bytes_ = 0;      // Of input_, in the worker's budget.
  io::Timer timer_;
  uint64_t deadline_ns_ = 0;
  uint64_t armed_ns_ = 0;
};

}  // namespace sluice::proxy
