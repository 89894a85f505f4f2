// A connection whose protocol the first bytes of its client tell: reads them, then makes way for
// the session that serves it. One receive at a time, so that the descriptor can be handed over when
// it has completed. Thread: one worker. Owned by the worker as a Session. Bounds: a port that
// declares nothing waits for kDetectTimeout (docs/adr/0013), HTTP and a ClientHello for the head
// timeout.
#pragma once

#include <cstdint>
#include <memory>

#include "userspace/detect/protocol.h"
#include "userspace/io/ring.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/proxy/close_reason.h"
#include "userspace/proxy/plan.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

// MakePlan with what the worker knows of the pod and remembers of the port.
Plan PlanOf(Worker& worker, const Accepted& accepted);
// Takes an accepted connection to the session that its plan asks for.
void BeginSession(Worker& worker, Accepted accepted, const Plan& plan);
// The one place that knows which session speaks which version of HTTP.
void BeginHttp(Worker& worker, Accepted accepted);

// HTTP that a session here speaks.
bool IsServedAsHttp(detect::Speech speech);
void CountDetection(Counters& counters, detect::Speech speech);

class Detector final : public Session {
 public:
  Detector(Worker& worker, Accepted accepted, const Plan& plan);
  ~Detector() override;

  void Start() override;
  void Abandon(CloseReason reason) override;
  void Drain() override;
  uint32_t pod_id() const override { return accepted_.pod_id; }
  uint32_t descriptor_count() const override { return 1; }
  size_t held_bytes() const override { return counted_bytes_; }

 private:
  static void OnReceiveComplete(void* self, const io::Completion& completion);
  static void OnTimer(void* self);
  bool is_http() const { return !reads_hello_ && protocol_ != model::Protocol::kAuto; }
  Counter active() const { return is_http() ? Counter::kActiveHttp : Counter::kActiveTcp; }
  void Receive();
  void HandleReceived(const io::Completion& completion);
  void HandleTimer();
  void Decide();
  void ReadHello();
  void BecomeRouted(const Plan& plan);
  void ReceiveLater();
  void BecomeHttp(detect::Speech speech);
  void BecomeRelay(bool is_undecided);
  void Leave(CloseReason reason);
  void CountBytes();

  Worker& worker_;
  const model::Protocol protocol_;  // As declared.
  const bool reads_hello_;          // Routed by the server's name in the ClientHello.
  const std::shared_ptr<PortMemory> memory_;
  Accepted accepted_;
  io::Operation receive_;
  io::Timer timer_;
  uint64_t deadline_ns_ = 0;
  size_t counted_bytes_ = 0;
  bool is_timed_out_ = false;
  CloseReason leaving_ = CloseReason::kNone;  // Ends once the receive has completed.
};

}  // namespace sluice::proxy
