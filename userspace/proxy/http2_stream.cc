#include "userspace/proxy/http2_stream.h"

#include <sys/uio.h>

#include <algorithm>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/http/grpc_status.h"
#include "userspace/http/h1_names.h"
#include "userspace/http/h2_secrets.h"
#include "userspace/proxy/exchange_pools.h"
#include "userspace/proxy/held_trailers.h"
#include "userspace/proxy/http2_connection.h"

namespace sluice::proxy {
namespace {

http::H2Error ErrorOf(CloseReason reason) {
  switch (reason) {
    case CloseReason::kRequestTimeout:
    case CloseReason::kDraining:
    case CloseReason::kPodRemoved:
      return http::H2Error::kCancel;
    case CloseReason::kMemoryLimit:
      return http::H2Error::kEnhanceYourCalm;
    case CloseReason::kBadRequest:
      return http::H2Error::kProtocolError;
    default:
      return http::H2Error::kInternalError;
  }
}

http::GrpcStatus GrpcStatusOf(const LocalAnswer& answer) {
  if (answer.reason == CloseReason::kRequestTimeout) return http::GrpcStatus::kDeadlineExceeded;
  if (answer.reason == CloseReason::kMemoryLimit) return http::GrpcStatus::kResourceExhausted;
  return http::GrpcStatusOfHttp(answer.status);
}

}  // namespace

Http2Stream::Http2Stream(Worker& worker) : H2Lane(worker) {}

void Http2Stream::Begin(Http2Connection& connection, uint32_t id) {
  Join(connection);
  SetId(id);
  connection.session().SetUser(id, reinterpret_cast<uint64_t>(static_cast<H2Lane*>(this)));
  exchange_ = &worker_.exchange_pools().exchanges.Take(worker_);
  exchange_->Begin(*this, connection.origin());
  exchange_->Start(connection.session().buffer().request);
}

Http2Stream::Early& Http2Stream::early() {
  if (early_ == nullptr) early_ = std::make_unique<Early>(worker_.segments());
  return *early_;
}

void Http2Stream::Retire() {
  if (early_ != nullptr) early_->Clear();
  is_input_over_ = has_sent_end_ = false;
  Leave();
  worker_.exchange_pools().streams.Retire(*this);
}

// --- What the client sends.

// Behind a request that asks for a tunnel nothing is forwarded until the endpoint has agreed: one
// that speaks HTTP/1.1 would read it as its next request, past every route.
bool Http2Stream::MayForward() const {
  return exchange_->CanForward() && !exchange_->is_request_complete() && !has_early_content();
}

void Http2Stream::OnContent(Received& received, std::string_view content, bool is_end) {
  if (exchange_ == nullptr) {
    GiveBack();
    return;
  }
  if (MayForward()) {
    TakeContent(received, content);
    if (is_end && exchange_ != nullptr) EndRequest({});
    return;
  }
  AppendReceived(worker_, early().content, received, content);  // Withheld: a window at most.
  is_input_over_ = is_input_over_ || is_end;
}

void Http2Stream::TakeContent(Received& received, std::string_view content) {
  if (!content.empty()) exchange_->ForwardBody(received, content);
  if (exchange_ != nullptr && !exchange_->IsBodyFull()) GiveBack();
}

void Http2Stream::EndRequest(absl::Span<const http::Header> trailers) {
  if (!exchange_->is_request_complete()) exchange_->EndRequest(trailers);
}

void Http2Stream::OnTrailers(absl::Span<const http::Header> trailers) {
  if (exchange_ == nullptr) return;
  if (MayForward()) {
    EndRequest(trailers);
    return;
  }
  early().trailers.Hold(trailers);
  is_input_over_ = true;
}

void Http2Stream::OnRequestRoom() {
  if (exchange_->is_request_complete()) return;
  while (exchange_ != nullptr && has_early_content() && !exchange_->IsBodyFull()) {
    iovec part;
    early_->content.Gather(&part, 1);
    Received received{.data = {static_cast<const char*>(part.iov_base), part.iov_len}};
    exchange_->ForwardBody(received, received.data);
    early_->content.Consume(part.iov_len);
  }
  if (exchange_ == nullptr || exchange_->IsBodyFull()) return;
  GiveBack();
  if (!is_input_over_ || exchange_->is_request_complete()) return;
  is_input_over_ = false;
  TrailerRoom room;
  EndRequest(early().trailers.Take(worker_.text_scratch(), room));
}

void Http2Stream::OnClientEnd() {
  if (exchange_ == nullptr || is_input_over_) return;
  // A tunnel that is still to be agreed to, or that has not taken everything yet, is told later.
  if (exchange_->is_request_complete() || (exchange_->is_tunnel() && has_early_content()))
    is_input_over_ = true;
  else
    exchange_->OnClientEnd();
}

void Http2Stream::Abort(CloseReason reason) {
  if (exchange_ != nullptr) exchange_->Abort(reason);
}

void Http2Stream::OnReset(http::H2Error, http::H2Reason) {
  if (exchange_ == nullptr) {
    Retire();
    return;
  }
  exchange_->Abort(CloseReason::kClientReset);
}

void Http2Stream::OnLinkLost(bool is_reset) {
  if (exchange_ == nullptr) {
    Retire();
    return;
  }
  exchange_->Abort(is_reset ? CloseReason::kClientReset : CloseReason::kClientClosed);
}

// --- What the client gets.

bool Http2Stream::Submit(const http::ResponseHead& head, bool is_end) {
  const bool is_final = head.status >= 200;
  http::H2Session& session = link_->session();
  if (session.SubmitResponse(id(), head, is_end && is_final)) {
    // As nearly always.
  } else if (link_->SendAhead(); !session.SubmitResponse(id(), head, is_end && is_final)) {
    // More heads wait than may: this client does not read.
    exchange_->Abort(CloseReason::kMemoryLimit);
    return false;
  }
  has_sent_end_ = is_end && is_final;
  link_->RequestSend();
  return true;
}

bool Http2Stream::SubmitText(std::string_view text, bool is_end, std::string_view secrets) {
  http::ResponseHead& head = worker_.rewritten_response_scratch();
  const http::ParseResult result =
      http::ParseResponseHead(text, 0, kWrittenLimits, "GET", &head, true);
  if (result.status != http::ParseStatus::kComplete) {
    exchange_->Abort(CloseReason::kInternal);
    return false;
  }
  head.secret_pseudo = http::MarkSecrets(secrets, {head.header_array.data(), head.header_count});
  if (head.status == 101) {  // RFC 8441 section 5: the tunnel is agreed to by 200.
    head.status = 200;
    for (uint32_t i = 0; i < head.header_count; ++i) {
      http::Header& header = head.header_array[i];
      header.is_hop_by_hop =
          header.is_hop_by_hop || http::EqualsIgnoreCase(header.name, "sec-websocket-accept");
    }
  }
  return Submit(head, is_end);
}

size_t Http2Stream::WriteAnswerHead(const http::ResponseHead& head,
                                    const http::ResponseRewrite& rewrite, AnswerBody body) {
  const bool is_empty = body.form == BodyForm::kFramed && head.body == http::BodyKind::kLength &&
                        head.content_length == 0;
  const bool is_end =
      body.is_over || ((head.body == http::BodyKind::kNone || is_empty) && !exchange_->is_tunnel());
  const bool is_as_it_came = rewrite.rule_changes.empty() && rewrite.backend_changes.empty();
  if (is_as_it_came && head.status != 101) {
    Submit(head, is_end);
    return head.head_size;
  }
  const size_t bound = http::ResponseHeadBound(head, rewrite);
  char* bytes = worker_.byte_scratch(bound);
  const size_t size = http::WriteResponseHead(head, rewrite, bytes, bound);
  std::string secrets;
  http::AppendSecretNames(head.headers(), head.secret_pseudo, secrets);
  SubmitText({bytes, size}, is_end, secrets);
  return size;
}

void Http2Stream::ForwardAnswer(Received& received, std::string_view part) {
  worker_.counters().Add(Counter::kBytesToClient, part.size());
  SendContent(received, part);
}

void Http2Stream::EndAnswer(absl::Span<const http::Header> trailers) {
  if (!has_sent_end_) SendEnd(trailers);
}

size_t Http2Stream::WriteLocalAnswer(const LocalAnswer& answer) {
  if (exchange_->is_grpc() && answer.reason != CloseReason::kNone) {
    std::string message(answer.body.substr(0, answer.body.find('\n')));
    const std::string text = base::Concat(
        "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: ",
        std::to_string(static_cast<int>(GrpcStatusOf(answer))),
        "\r\ngrpc-message: ", http::EncodeGrpcMessage(message), "\r\n", answer.headers, "\r\n");
    SubmitText(text, true);
    return text.size();
  }
  const bool is_head = exchange_->is_head();
  const std::string text =
      http::LocalResponse(answer.status, answer.body, answer.headers, false, true);
  const bool is_end = is_head || answer.body.empty();
  if (!SubmitText(text, is_end) || is_end) return text.size();
  Received none;
  SendContent(none, answer.body);
  SendEnd({});
  return text.size() + answer.body.size();
}

void Http2Stream::OnRoom() {
  if (exchange_ != nullptr) exchange_->OnAnswerDrained();
}

void Http2Stream::OnAllSent() {
  if (exchange_ == nullptr) Retire();
}

// What the client has not ended is not awaited: the rest of a body, or a tunnel that was declined.
void Http2Stream::OnExchangeFinished(CloseReason, bool) {
  exchange_ = nullptr;
  if (early_ != nullptr) early_->content.Clear();
  GiveBack();
  link_->session().ResetAfterEnd(id());
  link_->RequestSend();
  if (has_sent_end_) Retire();
}

size_t Http2Stream::held_bytes() const {
  const size_t early_size =
      early_ == nullptr ? 0 : early_->content.size() + early_->trailers.size();
  return H2Lane::held_bytes() + early_size + (exchange_ != nullptr ? exchange_->held_bytes() : 0);
}

void Http2Stream::OnExchangeAborted(CloseReason reason) {
  exchange_ = nullptr;
  if (link_ != nullptr) {
    link_->session().Reset(id(), ErrorOf(reason));
    link_->RequestSend();
  }
  Retire();
}

}  // namespace sluice::proxy
