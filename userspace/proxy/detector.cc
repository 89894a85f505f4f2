#include "userspace/proxy/detector.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "userspace/base/check.h"
#include "userspace/detect/client_hello.h"
#include "userspace/proxy/http1_connection.h"
#include "userspace/proxy/http2_connection.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/port_memory.h"
#include "userspace/proxy/tcp_relay.h"

namespace sluice::proxy {
namespace {

Counter CounterOf(detect::Speech speech) {
  switch (speech) {
    case detect::Speech::kHttp1:
      return Counter::kDetectedHttp1;
    case detect::Speech::kHttp2:
      return Counter::kDetectedHttp2;
    case detect::Speech::kTls:
      return Counter::kDetectedTls;
    case detect::Speech::kNeedMore:
    case detect::Speech::kOther:
      break;
  }
  return Counter::kDetectedOther;
}

}  // namespace

bool IsServedAsHttp(detect::Speech speech) {
  return speech == detect::Speech::kHttp1 || speech == detect::Speech::kHttp2;
}

void CountDetection(Counters& counters, detect::Speech speech) { counters.Add(CounterOf(speech)); }

Plan PlanOf(Worker& worker, const Accepted& accepted) {
  const LocalPod* pod = worker.FindPod(accepted.pod_id);
  Plan plan = MakePlan(worker.config(), accepted.dialled, accepted.is_inbound,
                       pod != nullptr ? pod->namespace_name() : "");
  if (plan.protocol != model::Protocol::kAuto || plan.service != nullptr) return plan;
  const model::Workload* workload = worker.config().snapshot().FindWorkload(accepted.dialled.ip);
  bool has_forgotten = false;
  plan.memory = worker.pod_ports().Of(accepted.dialled, workload->uid, &has_forgotten);
  if (has_forgotten) worker.counters().Add(Counter::kPodPortsForgotten);
  return plan;
}

void BeginHttp(Worker& worker, Accepted accepted) {
  if (accepted.protocol == model::Protocol::kHttp2)
    worker.AddSession(std::make_unique<Http2Connection>(worker, std::move(accepted)));
  else
    worker.AddSession(std::make_unique<Http1Connection>(worker, std::move(accepted)));
}

void BeginSession(Worker& worker, Accepted accepted, const Plan& plan) {
  if (plan.routes != nullptr && plan.routes->layer == model::RouteLayer::kTcp) {
    const Plan routed = RouteConnection(worker.config(), plan, "", worker.random().Next());
    worker.AddSession(std::make_unique<TcpRelay>(worker, std::move(accepted), routed));
    return;
  }
  if (plan.routes != nullptr) {
    worker.AddSession(std::make_unique<Detector>(worker, std::move(accepted), plan));
    return;
  }
  const bool is_opaque = plan.protocol == model::Protocol::kTcp;
  const bool must_not_wait = plan.protocol == model::Protocol::kAuto &&
                             (plan.memory == nullptr || plan.memory->DialsAtOnce());
  if (is_opaque || must_not_wait || plan.refused != CloseReason::kNone) {
    worker.AddSession(std::make_unique<TcpRelay>(worker, std::move(accepted), plan));
  } else {
    worker.AddSession(std::make_unique<Detector>(worker, std::move(accepted), plan));
  }
}

Detector::Detector(Worker& worker, Accepted accepted, const Plan& plan)
    : worker_(worker),
      protocol_(plan.protocol),
      reads_hello_(plan.routes != nullptr),
      memory_(plan.memory),
      accepted_(std::move(accepted)),
      receive_{.on_complete = &Detector::OnReceiveComplete, .self = this},
      timer_(&Detector::OnTimer, this) {
  worker_.counters().Add(active());
  const WorkerLimits& limits = worker.limits();
  deadline_ns_ = worker.now_ns() + (is_http() || reads_hello_ ? limits.request_head_timeout_ns
                                                              : limits.detect_timeout_ns);
}

Detector::~Detector() {
  SLUICE_DCHECK(!receive_.is_pending);
  worker_.counters().Subtract(active());
  worker_.buffers().Subtract(counted_bytes_);
}

void Detector::Start() {
  if (worker_.is_draining()) Drain();
  worker_.timers().Arm(timer_, deadline_ns_);
  Receive();
}

void Detector::Receive() { worker_.ring().ReceiveOnce(receive_, accepted_.fd.get()); }

void Detector::OnReceiveComplete(void* self, const io::Completion& completion) {
  static_cast<Detector*>(self)->HandleReceived(completion);
}

void Detector::HandleReceived(const io::Completion& completion) {
  if (completion.result > 0) {
    AppendHead(worker_.ring().BufferData(completion), accepted_.first_bytes);
  }
  if (completion.has_buffer) worker_.ring().GiveBack(completion.buffer);
  if (leaving_ != CloseReason::kNone) {
    Leave(leaving_);
  } else if (completion.result > 0) {
    Decide();
  } else if (completion.result == -ENOBUFS && !is_timed_out_) {
    ReceiveLater();
  } else if (completion.result == 0 || completion.result == -ENOBUFS ||
             completion.result == -ECANCELED) {
    // The end of the client's bytes shows again to whoever reads next.
    if (reads_hello_)
      BecomeRouted({.refused = CloseReason::kClientClosed});
    else if (is_http())
      BecomeHttp(detect::Speech::kHttp1);
    else
      BecomeRelay(accepted_.first_bytes.empty() && completion.result != 0);
  } else {
    Leave(CloseReason::kClientReset);
  }
}

// Every receive buffer is lent out; they come back within a turn or two.
void Detector::ReceiveLater() {
  worker_.counters().Add(Counter::kBufferStarved);
  worker_.timers().Arm(timer_, worker_.now_ns() + kDetectRetry);
}

void Detector::ReadHello() {
  std::string server_name;
  switch (detect::ParseClientHello(accepted_.first_bytes, &server_name)) {
    case detect::HelloStatus::kNeedMore:
      CountBytes();
      Receive();
      return;
    case detect::HelloStatus::kComplete: {
      const Plan plan = PlanOf(worker_, accepted_);  // The routes may be others by now, or none.
      BecomeRouted(plan.routes == nullptr ? plan
                                          : RouteConnection(worker_.config(), plan, server_name,
                                                            worker_.random().Next()));
      return;
    }
    case detect::HelloStatus::kNotTls:
    case detect::HelloStatus::kTooLarge:
    case detect::HelloStatus::kMalformed:
      BecomeRouted({.refused = CloseReason::kBadClientHello});
      return;
  }
}

void Detector::BecomeRouted(const Plan& plan) {
  timer_.Disarm();
  Plan relayed = plan;
  relayed.protocol = model::Protocol::kTcp;
  worker_.AddSession(std::make_unique<TcpRelay>(worker_, std::move(accepted_), relayed));
  worker_.FreeSession(*this);
}

void Detector::Decide() {
  if (reads_hello_) {
    ReadHello();
    return;
  }
  const detect::Speech speech =
      is_http() ? detect::DetectHttp(accepted_.first_bytes) : detect::Detect(accepted_.first_bytes);
  switch (speech) {
    case detect::Speech::kNeedMore:
      if (is_timed_out_) {
        BecomeRelay(false);
        return;
      }
      CountBytes();
      Receive();
      return;
    case detect::Speech::kHttp1:
    case detect::Speech::kHttp2:
    case detect::Speech::kTls:
    case detect::Speech::kOther:
      if (is_http() || IsServedAsHttp(speech))
        BecomeHttp(speech);
      else
        BecomeRelay(false);
      return;
  }
}

void Detector::CountBytes() {
  worker_.buffers().Add(accepted_.first_bytes.size() - counted_bytes_);
  counted_bytes_ = accepted_.first_bytes.size();
}

void Detector::BecomeHttp(detect::Speech speech) {
  if (memory_ != nullptr) {
    CountDetection(worker_.counters(), speech);
    memory_->Note(PortMemory::SeenOf(speech));
  }
  timer_.Disarm();
  accepted_.protocol =
      speech == detect::Speech::kHttp2 ? model::Protocol::kHttp2 : model::Protocol::kHttp1;
  BeginHttp(worker_, std::move(accepted_));
  worker_.FreeSession(*this);
}

// `is_undecided`: the client has said nothing; the relay sees who speaks first.
void Detector::BecomeRelay(bool is_undecided) {
  timer_.Disarm();
  if (is_undecided) {
    worker_.counters().Add(Counter::kDetectedSilence);
    if (memory_ != nullptr) memory_->Note(PortMemory::kSilence);
  } else if (!accepted_.first_bytes.empty()) {
    const detect::Speech speech = detect::Detect(accepted_.first_bytes);
    CountDetection(worker_.counters(), speech);
    if (memory_ != nullptr) memory_->Note(PortMemory::SeenOf(speech));
  }
  // The configuration may have changed meanwhile.
  Plan plan = PlanOf(worker_, accepted_);
  plan.protocol = is_undecided ? model::Protocol::kAuto : model::Protocol::kTcp;
  worker_.AddSession(std::make_unique<TcpRelay>(worker_, std::move(accepted_), plan));
  worker_.FreeSession(*this);
}

void Detector::OnTimer(void* self) { static_cast<Detector*>(self)->HandleTimer(); }

void Detector::HandleTimer() {
  if (worker_.now_ns() < deadline_ns_) {
    worker_.timers().Arm(timer_, deadline_ns_);
    if (!receive_.is_pending) Receive();  // It had found no buffer.
    return;
  }
  if (is_http() || reads_hello_) {
    const CloseReason silent =
        worker_.is_draining() ? CloseReason::kDraining : CloseReason::kIdleTimeout;
    Abandon(accepted_.first_bytes.empty() ? silent : CloseReason::kHeadTimeout);
    return;
  }
  is_timed_out_ = true;
  if (receive_.is_pending)
    worker_.ring().Cancel(receive_);  // What came meanwhile still arrives.
  else
    BecomeRelay(accepted_.first_bytes.empty());
}

// A client that has just been let in is about to send its first request.
void Detector::Drain() {
  if (!is_http() || !accepted_.first_bytes.empty() || leaving_ != CloseReason::kNone) return;
  deadline_ns_ = std::min(deadline_ns_, worker_.now_ns() + kDrainFirstBytes);
  worker_.timers().Arm(timer_, deadline_ns_);
}

void Detector::Abandon(CloseReason reason) {
  if (leaving_ != CloseReason::kNone) return;
  leaving_ = reason;
  timer_.Disarm();
  if (receive_.is_pending)
    worker_.ring().Cancel(receive_);
  else
    Leave(reason);
}

void Detector::Leave(CloseReason reason) {
  timer_.Disarm();
  worker_.counters().Add(is_http() ? Counter::kOpenedHttp : Counter::kOpenedTcp);
  worker_.counters().AddClosed(reason);
  worker_.ring().CloseFd(accepted_.fd.Release());
  worker_.FreeSession(*this);
}

}  // namespace sluice::proxy
