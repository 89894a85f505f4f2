// One HTTP/1.1 connection of a client and the exchanges it carries, one at a time: head -> route ->
// endpoint -> answer. Bodies are forwarded by their framing, never looked at. Thread: one worker.
// Owned by the worker as a Session.
//
//   state      waits for                 leaves to
//   kHead      a request head            kExchange, kLastSend (local answer that closes)
//   kExchange  upstream and both bodies  kHead (kept alive), kLastSend
//   kLastSend  our queue and FIN to go   kClosed (client's FIN, or the linger time)
//   kClosed    the ring to let go        freed
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/http/h1.h"
#include "userspace/proxy/config_pin.h"
#include "userspace/proxy/endpoint_choice.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/plan.h"
#include "userspace/proxy/stream.h"
#include "userspace/proxy/worker.h"
#include "userspace/route/matcher.h"

namespace sluice::proxy {

class UpstreamConnection;

inline constexpr http::H1Limits kHttpLimits;  // The codec's defaults, both ways.

class HttpConnection final : public Session, private StreamOwner {
 public:
  HttpConnection(Worker& worker, Accepted accepted);
  ~HttpConnection() override;

  void Start() override {
    ProcessInput();
    CountBuffers();  // Bytes that were read before it began are held like any others.
  }
  void Abandon(CloseReason reason) override;
  void Drain() override;
  uint32_t pod_id() const override { return pod_id_; }
  uint32_t descriptor_count() const override { return 1; }
  size_t held_bytes() const override;
  void Shed() override;

  // By the upstream connection whose user we are.
  void OnUpstreamReady();
  void OnUpstreamFailed(CloseReason reason);  // It is gone: never connected.
  void OnUpstreamReceive(Received& received);
  void OnUpstreamUnsolicited();  // Bytes came before any of the request was sent.
  void OnUpstreamEnd();
  void OnUpstreamBroken(int error);
  void OnUpstreamDrained();

 private:
  enum class State : uint8_t { kHead, kExchange, kLastSend, kClosed };

  // What one exchange knows; reset between exchanges.
  struct Exchange {
    const model::HttpRule* rule = nullptr;
    const CompiledRule* compiled_rule = nullptr;
    const CompiledBackend* backend = nullptr;
    std::string_view backend_name;
    const model::Cluster* cluster = nullptr;
    EndpointChoice endpoint;
    uint32_t interim_count = 0;
    uint32_t stats_id = 0;
    bool has_stats = false;
    bool is_head = false;
    bool is_idempotent = false;
    bool has_body = false;
    bool is_http_1_0 = false;
    bool is_keep_alive = true;
    bool is_request_complete = false;
    bool is_answer_started = false;  // A final head was written to the client.
    bool is_upstream_keep_alive = false;
    bool has_retried = false;
    uint16_t status = 0;
    std::string_view refusal;  // Name of the rule of HTTP/1 that a message broke.
    uint64_t start_ns = 0;
    uint64_t request_deadline_ns = 0;  // By the route; 0: none.
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
  };

  // StreamOwner: the client's side.
  void OnReceive(Stream& stream, Received& received) override;
  void OnReceiveEnd(Stream& stream) override;
  void OnSendDrained(Stream& stream) override;
  void OnBroken(Stream& stream, int error) override;
  void OnClosed(Stream& stream) override;

  // Input (http_connection.cc).
  void TakeInput(Received& received);
  void ProcessInput();
  bool HasNoMoreRequests() const { return downstream_.is_input_over() && input_.empty(); }
  void StartLastSend(CloseReason reason);
  size_t ReadHead(std::string_view input);
  void TakeBody(Received& received);

  // The request's way (http_request.cc).
  void StartExchange(const http::RequestHead& head);
  bool RouteRequest(const http::RequestHead& head, std::string_view path);
  bool ChooseBackend(const route::MatchResult& match, const http::RequestHead& head,
                     std::string_view path);
  void BuildRequestHead(const http::RequestHead& head, const route::MatchResult& match,
                        std::string_view path, bool is_path_changed);
  void AnswerRedirect(const model::RequestRedirect& redirect, const route::MatchResult& match,
                      const http::RequestHead& head, std::string_view path);
  void TryEndpoint(CloseReason otherwise);
  void Send(bool must_be_fresh);

  // The answer's way (http_response.cc).
  void ReadResponse(Received& received);
  size_t ReadResponseHead(std::string_view input);
  void ForwardResponseHead(const http::ResponseHead& head);
  void FinishResponse(bool is_clean);
  void HandleUpstreamGone(bool is_reset);
  bool MaySendAgain() const;
  void SendAgain(bool reset);
  void AnswerLocally(uint16_t status, CloseReason reason, std::string_view text,
                     std::string_view extra_headers = {});
  void AbortExchange(CloseReason reason);
  void DropUpstream(bool is_reusable, bool reset);
  void LogExchange(CloseReason reason);

  // Start and end, of an exchange and of the connection (http_connection.cc).
  void BeginExchange();
  void EndExchange(CloseReason reason);     // Gives back what it held; the state is the caller's.
  void FinishExchange(CloseReason reason);  // Ends it; then the next request, or the last send.
  void Close(CloseReason reason, bool reset);
  void SetDeadline(uint64_t deadline_ns);
  void FreeLargeBuffers();
  void CountBuffers();
  static void OnTimer(void* self);
  void HandleTimer();

  Worker& worker_;
  const uint32_t pod_id_;
  const base::SocketAddress client_;
  const base::SocketAddress dialled_;
  State state_ = State::kHead;
  bool must_close_ = false;  // After this answer.
  bool is_processing_ = false;
  bool is_response_head_done_ = false;
  CloseReason close_reason_ = CloseReason::kDone;
  Stream downstream_;
  UpstreamConnection* upstream_ = nullptr;
  ConfigPin config_;  // Held during an exchange: everything `exchange_` points into.
  Exchange exchange_;
  http::BodyFramer request_body_;
  http::BodyFramer response_body_;
  std::string
      input_;  // Bytes of the client not yet used: part of a head, early body, later requests.
  uint32_t input_scanned_ = 0;
  std::string upstream_input_;  // Part of a response head.
  uint32_t upstream_scanned_ = 0;
  std::string request_head_;  // As sent upstream; kept until the answer begins, to be sent again.
  std::string log_request_;   // "method\0authority\0path", only when the access log is on.
  size_t counted_bytes_ = 0;  // Of the strings above, in the worker's budget.
  io::Timer timer_;
  uint64_t deadline_ns_ = 0;
  uint64_t armed_ns_ = 0;
};

}  // namespace sluice::proxy
