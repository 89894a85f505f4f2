// Accepts on one listener inside a pod's namespace. The listener is the pod's identity: whoever
// connects here is, or wants, this very pod. Thread: one worker. Requires: after Stop it stays
// until the last completion (LocalPod's owner frees it only after a turn; see Worker::RemovePod).
#pragma once

#include <cstdint>

#include "userspace/base/unique_fd.h"
#include "userspace/io/ring.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/proxy/close_reason.h"
#include "userspace/proxy/local_pod.h"

namespace sluice::proxy {

class Acceptor {
 public:
  Acceptor(Worker& worker, uint32_t pod_id, ListenerSpec listener);
  ~Acceptor();

  void Start();
  void Stop();
  bool is_idle() const { return !accept_.is_pending; }

 private:
  static void OnAcceptComplete(void* self, const io::Completion& completion);
  static void OnRetry(void* self);
  void HandleAccepted(const io::Completion& completion);
  void BeginSession(base::UniqueFd fd);
  void Refuse(base::UniqueFd fd, CloseReason reason);

  Worker& worker_;
  const uint32_t pod_id_;
  const bool is_inbound_;
  base::UniqueFd listener_;
  bool is_stopped_ = true;
  io::Operation accept_;
  io::Timer retry_;
};

}  // namespace sluice::proxy
