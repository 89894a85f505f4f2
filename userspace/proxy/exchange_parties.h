// The two parties between which an exchange (exchange.h) stands: who asked, and what carries the
// request to an endpoint. Each speaks HTTP/1.1 or HTTP/2; the exchange does not know which.
//
// A body travels in one of two forms. Framed: the bytes of HTTP/1.1 as they came, chunk sizes and
// trailers included, for the next HTTP/1.1 to send on untouched. Content: the content alone, with
// the trailers at its end. Whoever gives adapts to what the taker takes (takes_framed()); a taker
// that takes framed bodies takes content as well and frames it itself.
// Thread: one worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "userspace/http/h1.h"
#include "userspace/proxy/close_reason.h"

namespace sluice::proxy {

class Exchange;
struct Received;

enum class BodyForm : uint8_t { kFramed, kContent };

// What follows an answer's head.
struct AnswerBody {
  BodyForm form = BodyForm::kFramed;
  bool is_over =
      false;  // Nothing: the stream ended with the head. It may have been trailers alone.
};

// An answer of the proxy's own.
struct LocalAnswer {
  uint16_t status = 0;
  CloseReason reason = CloseReason::kNone;
  std::string_view body;     // text/plain, or empty.
  std::string_view headers;  // Lines of HTTP/1.1.
  bool must_close = false;   // What comes behind the request cannot be told from it.
};

class Requester {
 public:
  // Any of these may find that the client is gone and abort the exchange.
  virtual bool takes_framed() const = 0;
  // An interim head, or the final one. Returns the bytes written.
  virtual size_t WriteAnswerHead(const http::ResponseHead& head,
                                 const http::ResponseRewrite& rewrite, AnswerBody body) = 0;
  virtual void ForwardAnswer(Received& received, std::string_view part) = 0;
  virtual void EndAnswer(absl::Span<const http::Header> trailers) = 0;
  // If so, Exchange::OnAnswerDrained follows.
  virtual bool IsAnswerFull() = 0;
  // The client takes no content for now.
  virtual bool has_no_window() const = 0;
  virtual size_t WriteLocalAnswer(const LocalAnswer& answer) = 0;
  // An endpoint is there, or has room again: the request's body may be forwarded.
  virtual void OnRequestRoom() = 0;
  // The connection is a tunnel from here on, both ways.
  virtual void OnTunnel() = 0;
  // The exchange is gone. Finished: the answer is whole. Aborted: nothing more can be said about it
  // but by a reset.
  virtual void OnExchangeFinished(CloseReason reason, bool was_request_complete) = 0;
  virtual void OnExchangeAborted(CloseReason reason) = 0;

 protected:
  ~Requester() = default;
};

// A head on its way to an endpoint.
struct OutgoingRequest {
  // HTTP/1.1, changes applied; for HTTP/2 with the names of its secrets (http/h2_secrets.h) behind
  // it. Valid during the call.
  std::string_view text;
  BodyForm form = BodyForm::kFramed;
  http::BodyKind body = http::BodyKind::kNone;
  bool is_head = false;
  bool is_connect = false;   // CONNECT.
  std::string_view upgrade;  // Not empty: wants to switch to one of these. Valid during the call.
};

enum class CarrierLoss : uint8_t {
  kClosed,
  kReset,
  // Of HTTP/2:
  kRefused,    // The endpoint has not looked at the request.
  kCancelled,  // It does not want to go on with it.
};

class Carrier {
 public:
  virtual bool takes_framed() const = 0;
  // Once; goes out when an endpoint is there.
  virtual void SendHead(const OutgoingRequest& request) = 0;
  virtual bool is_connected() const = 0;
  virtual void ForwardBody(Received& received, std::string_view part) = 0;
  virtual void EndBody(absl::Span<const http::Header> trailers) = 0;
  // If so, Exchange::OnCarrierDrained follows.
  virtual bool IsFull() = 0;
  virtual void PauseAnswer() = 0;
  virtual void ResumeAnswer() = 0;
  // The connection carried other requests before, so that the endpoint may have left it.
  virtual bool is_reused() const = 0;
  // The endpoint may have seen something of the request.
  virtual bool has_begun_sending() const = 0;
  virtual size_t held_bytes() const = 0;
  // The exchange is done with it; the last call. Not reusable: given up (`reset`: at once).
  virtual void Release(bool is_reusable, bool reset) = 0;

 protected:
  ~Carrier() = default;
};

}  // namespace sluice::proxy
