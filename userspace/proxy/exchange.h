// One request and its answer, whichever protocols its two parties speak: head -> route -> endpoint
// -> answer; deadlines, second tries, statistics, access log. Bodies pass through, never looked at.
// Taken from the worker's pool by its Requester, which is told of its end once. Thread: one worker.
//
//   Start ---> refused or redirected here ------------------------------> over (finished)
//     \-> endpoint chosen -> head sent -> body both ways -> answer whole -> over (finished)
//              ^ next one, or a fresh connection   \-> a party is gone ---> over (aborted)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/base/address.h"
#include "userspace/base/intrusive_list.h"
#include "userspace/http/grpc_status.h"
#include "userspace/http/h1_names.h"
#include "userspace/http/h2_reasons.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/model/snapshot.h"
#include "userspace/proxy/config_pin.h"
#include "userspace/proxy/endpoint_choice.h"
#include "userspace/proxy/exchange_parties.h"
#include "userspace/route/matcher.h"

namespace sluice::proxy {

class Worker;
struct CarrierWaitTag;
struct UpstreamPool;

inline constexpr http::H1Limits kHttpLimits;  // The codec's defaults, both ways.
// Of a head that is written already, on its way into HTTP/2: what came within the limits above, and
// what the route and the proxy have added.
inline constexpr http::H1Limits kWrittenLimits{.head_size_max = 512 * 1024,
                                               .target_size_max = 32 * 1024,
                                               .header_count_max = http::kHeaderRoom};

class Exchange : public base::ListLink<CarrierWaitTag> {
 public:
  // What the requester's connection knows.
  struct Origin {
    uint32_t pod_id = 0;
    base::SocketAddress client;
    base::SocketAddress dialled;
    model::Protocol protocol = model::Protocol::kHttp1;  // That the client speaks.
  };

  explicit Exchange(Worker& worker);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // By the requester. Begin first; then Start, or a refusal of what was no proper head.
  void Begin(Requester& requester, const Origin& origin);
  void Start(const http::RequestHead& head);
  void RefuseHead(uint16_t status, std::string_view rule, std::string_view text);
  // The body that follows is broken.
  void RefuseBody(std::string_view rule, std::string_view text);

  bool is_over() const { return requester_ == nullptr; }
  bool is_client_without_window() const {
    return requester_ != nullptr && requester_->has_no_window();
  }
  bool is_request_complete() const { return is_request_complete_; }
  bool is_answer_started() const { return is_answer_started_; }
  bool is_head() const { return is_head_; }
  bool is_grpc() const { return is_grpc_; }
  bool is_tunnel() const { return is_tunnel_; }
  bool CanForward() const { return carrier_ != nullptr && carrier_->is_connected(); }
  bool wants_framed() const { return carrier_->takes_framed(); }
  // Requires CanForward().
  void ForwardBody(Received& received, std::string_view part);
  bool IsBodyFull() { return carrier_->IsFull(); }
  void EndRequest(absl::Span<const http::Header> trailers);
  void OnAnswerDrained();
  void OnClientEnd();  // No more of the request will come.
  void Abort(CloseReason reason);
  void AnswerLocally(uint16_t status, CloseReason reason, std::string_view text,
                     std::string_view headers = {}, bool must_close = false);
  size_t held_bytes() const;

  // By the pools: there is no carrier yet, until OnCarrierGiven.
  void AwaitCarrier(UpstreamPool& pool) { awaited_pool_ = &pool; }
  bool wants_fresh() const { return has_retried_; }
  void OnCarrierGiven(Carrier& carrier);

  // By the carrier.
  void OnCarrierReady();
  void OnCarrierFailed(CloseReason reason);  // It is gone: never connected.
  void OnCarrierUnsolicited();               // Bytes came before any of the request was sent.
  void OnCarrierLost(CarrierLoss loss, http::H2Reason fault = http::H2Reason::kNone);
  void OnCarrierDrained();
  bool answer_wants_framed() const { return requester_->takes_framed(); }
  void OnAnswerBegun() { has_answer_ = true; }  // Something of a head is there.
  void OnAnswerHead(const http::ResponseHead& head, AnswerBody body);
  void OnAnswerBody(Received& received, std::string_view part);
  void OnAnswerEnd(absl::Span<const http::Header> trailers, bool is_reusable);
  void OnAnswerBad(std::string_view rule, std::string_view text);

  void Recycle();  // By the pool.

 private:
  // The request's way (exchange_route.cc).
  bool Route(const http::RequestHead& head, std::string_view path);
  bool ChooseBackend(const route::MatchResult& match, const http::RequestHead& head,
                     std::string_view path);
  void UseService(const model::ServicePort& service);
  void BuildHead(const http::RequestHead& head, const route::MatchResult& match,
                 std::string_view path, bool is_path_changed);
  void AnswerRedirect(const model::RequestRedirect& redirect, const route::MatchResult& match,
                      const http::RequestHead& head, std::string_view path);
  void TryEndpoint(CloseReason otherwise);
  void Send(bool must_be_fresh);
  void SendOn(Carrier& carrier);
  void ReadGrpc(const http::RequestHead& head);
  void SetRequestTimeout(uint64_t timeout_ns);

  // The answer's way and the end (exchange.cc).
  bool IsSwitch(const http::ResponseHead& head) const;
  bool IsFalseSwitch(const http::ResponseHead& head) const;
  // A client of HTTP/2 has no handshake (RFC 8441 section 5), and a server of HTTP/1.1 wants one.
  bool makes_websocket_key() const {
    return origin_.protocol == model::Protocol::kHttp2 &&
           endpoint_protocol_ != model::Protocol::kHttp2 &&
           http::EqualsIgnoreCase(upgrade_, "websocket");
  }
  std::string_view SwitchFault(const http::ResponseHead& head) const;
  bool MaySendAgain(CarrierLoss loss) const;
  void SendAgain(bool reset);
  bool EndCall(http::GrpcStatus status, CloseReason reason, std::string_view text);
  void DropCarrier(bool is_reusable, bool reset);
  void End(CloseReason reason);
  void Finish(CloseReason reason);
  void BreakOff(CloseReason reason);
  void SetDeadline(uint64_t deadline_ns);
  void ExtendDeadline();
  void CountBuffers();
  void Log(CloseReason reason);
  static void OnTimer(void* self);
  void HandleTimer();

  Worker& worker_;
  Requester* requester_ = nullptr;  // Null: over.
  Carrier* carrier_ = nullptr;
  UpstreamPool* awaited_pool_ = nullptr;  // While it waits for a carrier.
  Origin origin_;
  ConfigPin config_;  // Everything below points into it.
  const model::HttpRule* rule_ = nullptr;
  const CompiledRule* compiled_rule_ = nullptr;
  const CompiledBackend* backend_ = nullptr;
  std::string_view backend_name_;
  const model::Cluster* cluster_ = nullptr;
  EndpointChoice endpoint_;
  model::Protocol endpoint_protocol_ = model::Protocol::kHttp1;
  http::BodyKind body_ = http::BodyKind::kNone;
  uint16_t status_ = 0;
  uint32_t interim_count_ = 0;
  uint32_t stats_id_ = 0;
  bool has_stats_ : 1 = false;
  bool is_head_ : 1 = false;
  bool is_connect_ : 1 = false;
  bool is_idempotent_ : 1 = false;
  bool is_http_1_0_ : 1 = false;
  bool is_grpc_ : 1 = false;
  bool is_tunnel_ : 1 = false;
  bool is_request_complete_ : 1 = false;
  bool is_answer_started_ : 1 = false;  // A final head was written to the client.
  bool is_answer_empty_ : 1 = false;    // It was whole with that.
  bool has_answer_ : 1 = false;         // Something of an answer came: never sent again.
  bool has_retried_ : 1 = false;
  bool has_body_begun_ : 1 = false;  // Something of it was given to a carrier.
  std::string_view rule_broken_;     // Name of the rule of HTTP that a message broke.
  uint64_t start_ns_ = 0;
  uint64_t request_deadline_ns_ = 0;  // By the route or grpc-timeout; 0: none.
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  std::string head_;         // As sent to the endpoint; kept until the end, to be sent again.
  std::string upgrade_;      // The protocols to switch to one of, if that is asked for.
  std::string log_request_;  // "method\0authority\0path", only when the access log is on.
  size_t counted_bytes_ = 0;
  io::Timer timer_;
  uint64_t deadline_ns_ = 0;
  uint64_t armed_ns_ = 0;
};

}  // namespace sluice::proxy
