// One HTTP/2 connection to an endpoint (h2c with prior knowledge), which carries many requests of
// one client at once. Thread: one worker. Owned by the worker as a Session; in its pool's list as
// long as it takes requests.
#pragma once

#include <cstdint>
#include <string_view>

#include "userspace/proxy/dial.h"
#include "userspace/proxy/exchange_parties.h"
#include "userspace/proxy/h2_link.h"
#include "userspace/proxy/upstream_pool.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

class Http2Upstream;

// One request there. Taken from the worker's pool.
class Http2Carrier final : public H2Lane, public Carrier {
 public:
  explicit Http2Carrier(Worker& worker) : H2Lane(worker) {}

  void Begin(Http2Upstream& upstream, Exchange& user, bool is_reused);
  // If the connection is there, and says whether it takes upgrades where one is asked for.
  void MaySubmit();
  void Fail(CloseReason reason);  // It never will be.
  void OnResponse(const http::ResponseHead& head, bool is_end);
  void Recycle() {}  // By the worker's pool.

  // Carrier
  bool takes_framed() const override { return false; }
  void SendHead(const OutgoingRequest& request) override;
  bool is_connected() const override { return is_submitted_; }
  void ForwardBody(Received& received, std::string_view part) override;
  void EndBody(absl::Span<const http::Header> trailers) override;
  bool IsFull() override { return IsSendFull(); }
  void PauseAnswer() override { is_paused_ = true; }
  void ResumeAnswer() override;
  bool is_reused() const override { return is_reused_; }
  bool has_begun_sending() const override { return is_submitted_; }
  size_t held_bytes() const override { return H2Lane::held_bytes(); }
  void Release(bool is_reusable, bool reset) override;

 private:
  void OnContent(Received& received, std::string_view content, bool is_end) override;
  void OnTrailers(absl::Span<const http::Header> trailers) override;
  void OnReset(http::H2Error error, http::H2Reason fault) override;
  void OnLinkLost(bool is_reset) override;
  void OnRoom() override;
  void OnAllSent() override {}
  void Submit();

  Exchange* user_ = nullptr;
  OutgoingRequest request_;  // Until it is submitted.
  bool is_reused_ = false;
  bool is_submitted_ = false;
  bool is_paused_ = false;
};

class Http2Upstream final : public Session,
                            public base::ListLink<Http2Tag>,
                            public H2Link,
                            private DialOwner {
 public:
  Http2Upstream(Worker& worker, UpstreamPool& pool, const DialTarget& target);
  ~Http2Upstream() override;

  bool CanTake() const;
  Carrier& Take(Exchange& user);
  bool is_ready() const { return is_open(); }
  bool is_dialling() const { return is_dialling_; }
  // Why the connection failed, if the endpoint broke a rule of HTTP/2.
  http::H2Reason fault() const { return fault_; }
  void NoteWaiting() { has_waiting_ = true; }

  void Abandon(CloseReason reason) override;
  void Drain() override;
  uint32_t pod_id() const override { return pool_.key.accepting_pod_id; }
  uint32_t descriptor_count() const override { return 1; }

 private:
  void OnEvent(const http::H2Event& event) override;
  void OnIdle() override;
  void OnPeerEnd() override;
  void OnInput(size_t size) override;
  void OnLinkClosed() override;
  void OnDialed(base::UniqueFd fd, CloseReason reason) override;
  bool is_in_pool() const {
    return static_cast<const base::ListLink<Http2Tag>&>(*this).is_linked();
  }
  void LeavePool() { static_cast<base::ListLink<Http2Tag>&>(*this).Unlink(); }

  UpstreamPool& pool_;
  uint64_t use_count_ = 0;
  bool is_dialling_ = true;
  http::H2Reason fault_ = http::H2Reason::kNone;
  bool has_waiting_ = true;  // Requests that could not be submitted yet.
  Dial dial_;
};

}  // namespace sluice::proxy
