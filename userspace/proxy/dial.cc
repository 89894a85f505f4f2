#include "userspace/proxy/dial.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "userspace/base/check.h"
#include "userspace/base/mesh_ports.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

Dial::Dial(Worker& worker, DialOwner& owner)
    : worker_(worker),
      owner_(owner),
      connect_{.on_complete = &Dial::OnConnectComplete, .self = this},
      timer_(&Dial::OnTimer, this) {}

Dial::~Dial() {
  SLUICE_DCHECK(!connect_.is_pending);
  Unlink();
}

// Failures found here are reported through the timer, so that the owner is never called from within
// Start.
void Dial::Start(const DialTarget& target) {
  SLUICE_DCHECK(!is_running_);
  target_ = target;
  is_running_ = true;
  is_cancelled_ = is_timed_out_ = is_waiting_for_socket_ = false;
  attempts_ = 0;
  failure_ = CloseReason::kNone;
  const bool is_v6 = !target.endpoint.ip.is_v4();
  LocalPod* server = worker_.FindPodByAddress(target.endpoint.ip);
  LocalPod* client = worker_.FindPod(target.accepting_pod_id);
  // A pod that dials itself has the right source address anyway; the kernel delivers such packets
  // by another interface than the one that sockets for other clients are bound to.
  const bool is_own_pod = server != nullptr && server == client && !target.is_client_outside;
  if (server != nullptr && !is_own_pod) {
    stock_ = &server->stock(DialKind::kToLocalPod, is_v6);
    source_ = target.client;
    must_bind_ = true;
    if (source_.is_v4() == is_v6) {
      // The families differ: the server sees the client pod's address of its own family.
      const base::IpAddress* other = client != nullptr ? client->AddressOfFamily(is_v6) : nullptr;
      if (other == nullptr || target.is_client_outside)
        failure_ = CloseReason::kNoSourceAddress;
      else
        source_ = *other;
    }
  } else if (client != nullptr) {
    stock_ = &client->stock(DialKind::kFromPod, is_v6);
    must_bind_ = false;
  } else {
    failure_ = CloseReason::kPodRemoved;
  }
  if (server != nullptr && base::IsMeshPort(target.endpoint.port)) failure_ = CloseReason::kOwnPort;
  if (failure_ != CloseReason::kNone) {
    stock_ = nullptr;
    worker_.timers().Arm(timer_, worker_.now_ns());
    return;
  }
  stock_->AddUser();
  worker_.timers().Arm(timer_, worker_.now_ns() + kConnectTimeLimit);
  TakeSocket();
}

void Dial::TakeSocket() {
  fd_ = stock_->Take();
  if (!fd_.is_valid()) {
    is_waiting_for_socket_ = true;
    stock_->Wait(*this);
    return;
  }
  Connect();
}

void Dial::OnSocketsAdded() {
  is_waiting_for_socket_ = false;
  fd_ = stock_->Take();
  if (fd_.is_valid()) {
    Connect();
  } else {
    Finish(CloseReason::kNoDialSocket);
  }
}

bool Dial::BindSource() {
  sockaddr_storage address;
  for (uint32_t i = 0; i < kDialAttemptsMax; ++i) {
    const uint16_t port = target_.is_client_outside ? worker_.NextSourcePort() : 0;
    const socklen_t size = base::SocketAddress{.ip = source_, .port = port}.ToSockaddr(address);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;
    if (errno != EADDRINUSE || port == 0) return false;
    worker_.counters().Add(Counter::kDialRetries);
  }
  return false;
}

void Dial::Connect() {
  ++attempts_;
  worker_.turn_share().Count(kStepsOfDial);
  if (must_bind_ && !BindSource()) {
    failure_ = CloseReason::kConnectFailed;
    worker_.timers().Arm(timer_, worker_.now_ns());
    return;
  }
  connect_target_ = std::make_unique<io::ConnectTarget>();
  connect_target_->address_size = target_.endpoint.ToSockaddr(connect_target_->address);
  worker_.ring().Connect(connect_, fd_.get(), *connect_target_);
}

void Dial::OnConnectComplete(void* self, const io::Completion& completion) {
  static_cast<Dial*>(self)->HandleConnected(completion.result);
}

void Dial::HandleConnected(int result) {
  if (is_cancelled_) {
    Finish(CloseReason::kDone);
  } else if (is_timed_out_) {
    Finish(CloseReason::kConnectTimeout);
  } else if (result == -EADDRNOTAVAIL && attempts_ < kDialAttemptsMax) {
    // Every four-tuple with this source port is taken, by TIME_WAIT for example: another socket,
    // another port.
    worker_.counters().Add(Counter::kDialRetries);
    TakeSocket();
  } else {
    Finish(result == 0 ? CloseReason::kNone : CloseReason::kConnectFailed);
  }
}

void Dial::OnTimer(void* self) {
  auto& dial = *static_cast<Dial*>(self);
  if (dial.failure_ != CloseReason::kNone) {
    dial.Finish(dial.failure_);
  } else if (dial.is_waiting_for_socket_) {
    dial.Finish(CloseReason::kNoDialSocket);
  } else {
    dial.is_timed_out_ = true;
    dial.worker_.ring().Cancel(dial.connect_);
  }
}

void Dial::Cancel() {
  if (!is_running_ || is_cancelled_) return;
  is_cancelled_ = true;
  failure_ = CloseReason::kDone;
  if (connect_.is_pending) {
    worker_.ring().Cancel(connect_);
  } else {
    Unlink();  // Sockets that come before the timer are for others.
    worker_.timers().Arm(timer_, worker_.now_ns());
  }
}

void Dial::Finish(CloseReason reason) {
  is_running_ = false;
  timer_.Disarm();
  Unlink();
  if (!connect_.is_pending) connect_target_.reset();
  if (stock_ != nullptr) std::exchange(stock_, nullptr)->RemoveUser();
  if (reason != CloseReason::kNone) fd_.Reset();
  owner_.OnDialed(std::move(fd_), reason);
}

}  // namespace sluice::proxy
