// One HTTP/2 connection of a client; each of its streams is an exchange of its own. Thread: one
// worker. Owned by the worker as a Session.
#pragma once

#include <cstdint>
#include <string>

#include "userspace/proxy/exchange.h"
#include "userspace/proxy/h2_link.h"
#include "userspace/proxy/plan.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

class Http2Connection final : public Session, public H2Link {
 public:
  Http2Connection(Worker& worker, Accepted accepted);
  ~Http2Connection() override;

  void Start() override;
  void Abandon(CloseReason reason) override;
  void Drain() override;
  uint32_t pod_id() const override { return accepted_.pod_id; }
  uint32_t descriptor_count() const override { return 1; }
  size_t held_bytes() const override;
  void Shed() override;

  Exchange::Origin origin() const;

 private:
  void OnEvent(const http::H2Event& event) override;
  void OnIdle() override;
  void OnPeerEnd() override;
  void OnInput(size_t size) override;
  void OnLinkClosed() override { worker_.FreeSession(*this); }
  void BeginStream(const http::H2Event& event);

  Accepted accepted_;
  CloseReason end_reason_ = CloseReason::kDone;
};

}  // namespace sluice::proxy
