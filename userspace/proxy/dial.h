// One attempt to connect to an endpoint: takes a socket from the right pod's stock, binds the
// client's address where the server must see it, connects, tries other source ports. Embedded in
// whoever wants the connection. Thread: one worker. Requires: the owner stays until OnDialed, or
// calls Cancel and waits for is_idle().
#pragma once

#include <cstdint>
#include <memory>

#include "userspace/base/address.h"
#include "userspace/base/intrusive_list.h"
#include "userspace/base/unique_fd.h"
#include "userspace/io/ring.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/proxy/close_reason.h"
#include "userspace/proxy/local_pod.h"

namespace sluice::proxy {

class DialOwner {
 public:
  // kNone: `fd` is connected. Else why not; after Cancel it is called with kDone and nothing to do
  // but free.
  virtual void OnDialed(base::UniqueFd fd, CloseReason reason) = 0;

 protected:
  ~DialOwner() = default;
};

struct DialTarget {
  uint32_t accepting_pod_id = 0;  // The client's pod, or for inbound connections the server's.
  base::IpAddress client;         // The address the server must see.
  base::SocketAddress endpoint;
  bool is_client_outside = false;  // Bind an explicit source port (limits.h, kSourcePortFirst).
};

class Dial : public base::ListLink<DialWaitTag> {
 public:
  Dial(Worker& worker, DialOwner& owner);
  ~Dial();

  void Start(const DialTarget& target);  // OnDialed follows from the loop, never from here.
  void Cancel();
  bool is_idle() const { return !is_running_; }

  void OnSocketsAdded();  // By the stock.

 private:
  static void OnConnectComplete(void* self, const io::Completion& completion);
  static void OnTimer(void* self);
  void TakeSocket();
  void Connect();
  bool BindSource();
  void HandleConnected(int result);
  void Finish(CloseReason reason);

  Worker& worker_;
  DialOwner& owner_;
  DialTarget target_;
  DialSocketStock* stock_ = nullptr;  // In use from Start to Finish: a pod keeps it so long.
  base::IpAddress source_;
  bool must_bind_ = false;
  bool is_running_ = false;
  bool is_cancelled_ = false;
  bool is_timed_out_ = false;
  bool is_waiting_for_socket_ = false;
  uint32_t attempts_ = 0;
  base::UniqueFd fd_;
  io::Operation connect_;
  std::unique_ptr<io::ConnectTarget> connect_target_;  // While a connect is on its way.
  io::Timer timer_;
  CloseReason failure_ = CloseReason::kNone;
};

}  // namespace sluice::proxy
