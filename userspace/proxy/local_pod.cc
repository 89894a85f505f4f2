#include "userspace/proxy/local_pod.h"

#include <algorithm>

#include "userspace/proxy/acceptor.h"
#include "userspace/proxy/dial.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

base::UniqueFd DialSocketStock::Take() {
  if (sockets_.empty()) {
    AskForMore();
    return {};
  }
  base::UniqueFd socket = std::move(sockets_.back());
  sockets_.pop_back();
  if (sockets_.size() < kDialSocketsLow) AskForMore();
  return socket;
}

void DialSocketStock::Wait(Dial& dial) {
  worker_.counters().Add(Counter::kDialSocketWaits);
  waiting_.PushBack(dial);
  AskForMore();
}

void DialSocketStock::Add(std::vector<base::UniqueFd> sockets) {
  is_asked_ = false;
  const bool is_failure = sockets.empty();
  for (base::UniqueFd& socket : sockets) sockets_.push_back(std::move(socket));
  while (!waiting_.is_empty() && (is_failure || !sockets_.empty())) {
    waiting_.PopFront()->OnSocketsAdded();
  }
  if (!is_failure && (!waiting_.is_empty() || sockets_.size() < kDialSocketsLow)) AskForMore();
}

void DialSocketStock::AskForMore() {
  if (is_asked_) return;
  is_asked_ = true;
  worker_.requests().sockets_wanted(worker_.index(), key_, kDialSocketsBatch);
}

LocalPod::LocalPod(Worker& worker, LocalPodSpec spec)
    : spec_(std::move(spec)),
      stocks_{{{worker, {spec_.pod_id, DialKind::kToLocalPod, false}},
               {worker, {spec_.pod_id, DialKind::kToLocalPod, true}}},
              {{worker, {spec_.pod_id, DialKind::kFromPod, false}},
               {worker, {spec_.pod_id, DialKind::kFromPod, true}}}} {
  for (ListenerSpec& listener : spec_.listeners) {
    acceptors_.push_back(std::make_unique<Acceptor>(worker, spec_.pod_id, std::move(listener)));
  }
}

LocalPod::~LocalPod() = default;

const base::IpAddress* LocalPod::AddressOfFamily(bool is_v6) const {
  for (const base::IpAddress& address : spec_.addresses) {
    if (address.is_v4() != is_v6) return &address;
  }
  return nullptr;
}

DialSocketStock& LocalPod::stock(DialKind kind, bool is_v6) {
  return stocks_[static_cast<size_t>(kind)][is_v6 ? 1 : 0];
}

void LocalPod::StartAccepting() {
  for (auto& acceptor : acceptors_) acceptor->Start();
}

bool LocalPod::is_idle() const {
  for (const auto& of_kind : stocks_) {
    for (const DialSocketStock& stock : of_kind) {
      if (stock.is_in_use()) return false;
    }
  }
  return std::all_of(acceptors_.begin(), acceptors_.end(),
                     [](const auto& acceptor) { return acceptor->is_idle(); });
}

void LocalPod::StopAccepting() {
  for (auto& acceptor : acceptors_) acceptor->Stop();
}

}  // namespace sluice::proxy
