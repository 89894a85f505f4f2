// One stream of a client's HTTP/2 connection: the requester of its exchange. Outlives the exchange
// until what is queued has gone to the session. Taken from the worker's pool. Thread: one worker.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "userspace/proxy/exchange.h"
#include "userspace/proxy/h2_lane.h"
#include "userspace/proxy/held_trailers.h"

namespace sluice::proxy {

class Http2Connection;

class Http2Stream final : public H2Lane, private Requester {
 public:
  explicit Http2Stream(Worker& worker);

  // The head is in the session's buffer.
  void Begin(Http2Connection& connection, uint32_t id);
  // The connection has no more of requests.
  void OnClientEnd();
  void Abort(CloseReason reason);
  void Recycle() {}  // By the pool.
  size_t held_bytes() const override;

 private:
  // H2Lane
  void OnContent(Received& received, std::string_view content, bool is_end) override;
  void OnTrailers(absl::Span<const http::Header> trailers) override;
  void OnReset(http::H2Error error, http::H2Reason fault) override;
  void OnLinkLost(bool is_reset) override;
  void OnRoom() override;
  void OnAllSent() override;

  // Requester
  bool takes_framed() const override { return false; }
  size_t WriteAnswerHead(const http::ResponseHead& head, const http::ResponseRewrite& rewrite,
                         AnswerBody body) override;
  void ForwardAnswer(Received& received, std::string_view part) override;
  void EndAnswer(absl::Span<const http::Header> trailers) override;
  bool IsAnswerFull() override { return IsSendFull(); }
  bool has_no_window() const override { return H2Lane::has_no_window(); }
  size_t WriteLocalAnswer(const LocalAnswer& answer) override;
  void OnRequestRoom() override;
  void OnTunnel() override { OnRequestRoom(); }
  void OnExchangeFinished(CloseReason reason, bool was_request_complete) override;
  void OnExchangeAborted(CloseReason reason) override;

  // What came before an endpoint was there.
  struct Early {
    explicit Early(SegmentPool& pool) : content(pool), trailers(pool) {}
    void Clear() {
      content.Clear();
      trailers.Clear();
    }
    Outbox content;
    HeldTrailers trailers;
  };
  Early& early();
  bool has_early_content() const { return early_ != nullptr && early_->content.size() > 0; }

  bool Submit(const http::ResponseHead& head, bool is_end);
  bool SubmitText(std::string_view text, bool is_end, std::string_view secrets = {});
  bool MayForward() const;
  void TakeContent(Received& received, std::string_view content);
  void EndRequest(absl::Span<const http::Header> trailers);
  void Retire();

  Exchange* exchange_ = nullptr;
  bool has_sent_end_ = false;     // With the head.
  bool is_input_over_ = false;    // The request's end came, and was kept with `early_`.
  std::unique_ptr<Early> early_;  // Most streams never need it; kept once it is there.
};

}  // namespace sluice::proxy
