// One HTTP/1.1 connection to an endpoint: dialled for one exchange, then kept and lent again. At
// most one exchange at a time; reads the answer's framing. Thread: one worker. Owned by the worker
// as a Session.
#pragma once

#include <cstdint>
#include <string>

#include "userspace/proxy/dial.h"
#include "userspace/proxy/exchange_parties.h"
#include "userspace/proxy/http1_body.h"
#include "userspace/proxy/stream.h"
#include "userspace/proxy/upstream_pool.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

class Http1Upstream final : public Session,
                            public base::ListLink<IdleTag>,
                            public Carrier,
                            private StreamOwner,
                            private DialOwner {
 public:
  Http1Upstream(Worker& worker, UpstreamPool& pool, const DialTarget& target);
  ~Http1Upstream() override;

  void SetUser(Exchange& user);
  UpstreamPool& pool() { return pool_; }
  bool is_idle() const { return base::ListLink<IdleTag>::is_linked(); }

  // Session
  void Abandon(CloseReason reason) override;
  void Drain() override;
  uint32_t pod_id() const override { return pool_.key.accepting_pod_id; }
  uint32_t descriptor_count() const override { return 1; }

  // Carrier
  bool takes_framed() const override { return true; }
  void SendHead(const OutgoingRequest& request) override;
  bool is_connected() const override { return stream_.is_attached(); }
  void ForwardBody(Received& received, std::string_view part) override;
  void EndBody(absl::Span<const http::Header> trailers) override;
  bool IsFull() override { return stream_.is_above_high_mark(); }
  void PauseAnswer() override { stream_.PauseReceiving(); }
  void ResumeAnswer() override { stream_.StartReceiving(); }
  bool is_reused() const override { return use_count_ > 1; }
  // Something of the user's request is on its way: only then can what arrives be its answer.
  bool has_begun_sending() const override { return stream_.sent_size() > sent_before_use_; }
  size_t held_bytes() const override { return stream_.held_bytes() + counted_bytes_; }
  void Release(bool is_reusable, bool reset) override;

 private:
  void OnReceive(Stream& stream, Received& received) override;
  void OnReceiveEnd(Stream& stream) override;
  void OnSendDrained(Stream& stream) override;
  void OnBroken(Stream& stream, int error) override;
  void OnClosed(Stream& stream) override;
  void OnDialed(base::UniqueFd fd, CloseReason reason) override;
  static void OnIdleTimer(void* self);
  void Close(bool reset);
  void LastSend();

  // The answer. Each of them may end the exchange.
  void ReadAnswer(Received& received);
  size_t ReadHeads(std::string_view input);
  void HoldHead(std::string_view part);
  void BeginBody(const http::ResponseHead& head);
  void ReadBody(Received& received);
  void EndAnswer(bool is_clean);
  void CountBuffers();

  Worker& worker_;
  UpstreamPool& pool_;
  Exchange* user_ = nullptr;
  uint32_t use_count_ = 0;
  uint64_t sent_before_use_ = 0;
  bool must_close_ : 1 = false;
  bool must_reset_ : 1 = false;  // The server said more than its answer.
  bool is_head_ : 1 = false;
  bool is_connect_ : 1 = false;
  bool may_switch_ : 1 = false;
  bool is_tunnel_ : 1 = false;
  bool is_head_done_ : 1 = false;  // The final one.
  bool is_keep_alive_ : 1 = false;
  bool is_last_send_ : 1 = false;  // Without a user: what its tunnel still had for the server.
  http::BodyFramer framer_;
  H1BodyReader reader_;
  H1BodyWriter writer_;
  std::string input_;  // Part of a head.
  uint32_t scanned_ = 0;
  size_t counted_bytes_ = 0;  // Of input_, in the worker's budget.
  Stream stream_;
  Dial dial_;
  io::Timer idle_timer_;
  uint64_t idle_since_ns_ = 0;
};

}  // namespace sluice::proxy
