#include "userspace/proxy/acceptor.h"

#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "userspace/base/check.h"
#include "userspace/proxy/detector.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/plan.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {
namespace {

using NameCall = int (*)(int, sockaddr*, socklen_t*);

std::optional<base::SocketAddress> NameOf(int fd, NameCall call) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  if (call(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return base::SocketAddress::FromSockaddr(storage);
}

}  // namespace

Acceptor::Acceptor(Worker& worker, uint32_t pod_id, ListenerSpec listener)
    : worker_(worker),
      pod_id_(pod_id),
      is_inbound_(listener.is_inbound),
      listener_(std::move(listener.fd)),
      accept_{.on_complete = &Acceptor::OnAcceptComplete, .self = this},
      retry_(&Acceptor::OnRetry, this) {}

Acceptor::~Acceptor() { SLUICE_DCHECK(!accept_.is_pending); }

void Acceptor::Start() {
  is_stopped_ = false;
  if (!accept_.is_pending) worker_.ring().AcceptMultishot(accept_, listener_.get());
}

void Acceptor::Stop() {
  if (is_stopped_) return;
  is_stopped_ = true;
  retry_.Disarm();
  if (accept_.is_pending) worker_.ring().Cancel(accept_);
}

void Acceptor::OnRetry(void* self) {
  auto& acceptor = *static_cast<Acceptor*>(self);
  if (!acceptor.is_stopped_) acceptor.Start();
}

void Acceptor::OnAcceptComplete(void* self, const io::Completion& completion) {
  static_cast<Acceptor*>(self)->HandleAccepted(completion);
}

void Acceptor::HandleAccepted(const io::Completion& completion) {
  if (completion.result >= 0) {
    base::UniqueFd fd(completion.result);
    // Stopped by a drain, what the kernel has accepted is still served; its pod may also be gone.
    if (worker_.FindPod(pod_id_) != nullptr) BeginSession(std::move(fd));
  }
  if (completion.has_more || is_stopped_) return;
  if (completion.result >= 0) {
    Start();
    return;
  }
  // Out of descriptors or memory: the backlog keeps what waits, we look again shortly.
  worker_.counters().Add(Counter::kAcceptErrors);
  worker_.timers().Arm(retry_, worker_.now_ns() + kAcceptRetry);
}

// A reset: the client learns at once, and nothing of the connection stays in the kernel.
void Acceptor::Refuse(base::UniqueFd fd, CloseReason reason) {
  worker_.counters().AddClosed(reason);
  const linger abort_on_close{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close);
}

void Acceptor::BeginSession(base::UniqueFd fd) {
  if (fd.get() >= worker_.descriptor_limit()) {
    worker_.counters().Add(Counter::kAcceptErrors);
    Refuse(std::move(fd), CloseReason::kTooMany);
    return;
  }
  if (!worker_.HasShareLeft(pod_id_)) {
    Refuse(std::move(fd), CloseReason::kPodShare);
    return;
  }
  Accepted accepted{.pod_id = pod_id_, .is_inbound = is_inbound_};
  const auto peer = NameOf(fd.get(), &::getpeername);
  if (!peer) return;  // Gone already.
  const LocalPod* pod = worker_.FindPod(pod_id_);
  std::optional<base::SocketAddress> dialled;
  if (is_inbound_) {
    accepted.client = *peer;
    dialled = NameOf(fd.get(), &::getsockname);
  } else {
    dialled = worker_.original_destination()(pod->netns_cookie(), *peer);
    if (dialled) {
      // Behind the loopback address of the in-pod leg stands the pod's own address.
      const base::IpAddress* own = pod->AddressOfFamily(!dialled->ip.is_v4());
      if (own == nullptr && !pod->addresses().empty()) own = &pod->addresses().front();
      accepted.client = {.ip = own != nullptr ? *own : peer->ip, .port = peer->port};
    }
  }
  if (!dialled) {
    Refuse(std::move(fd), CloseReason::kNoOriginalDst);
    return;
  }
  accepted.dialled = *dialled;
  accepted.fd = std::move(fd);
  const Plan plan = PlanOf(worker_, accepted);
  proxy::BeginSession(worker_, std::move(accepted), plan);
}

}  // namespace sluice::proxy
