// One relayed TCP connection: the client's socket and a connection to an endpoint, byte for byte
// both ways, half-closes and resets included. Where nothing is declared (kAuto) it watches who
// speaks first: a client that sends HTTP before the server said anything gets an HTTP session, and
// the connection to the endpoint is given up. Thread: one worker. Owned by the worker as a Session.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "userspace/proxy/dial.h"
#include "userspace/proxy/endpoint_choice.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/plan.h"
#include "userspace/proxy/stream.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

class TcpRelay final : public Session, private StreamOwner, private DialOwner {
 public:
  // A refused plan closes at once, with a reset and its reason.
  TcpRelay(Worker& worker, Accepted accepted, const Plan& plan);
  ~TcpRelay() override;

  void Abandon(CloseReason reason) override;
  void Drain() override {}  // A relay in flight may live until the deadline.
  uint32_t pod_id() const override { return pod_id_; }
  uint32_t descriptor_count() const override { return 2; }
  size_t held_bytes() const override { return downstream_.held_bytes() + upstream_.held_bytes(); }

 private:
  void OnReceive(Stream& stream, Received& received) override;
  void OnReceiveEnd(Stream& stream) override;
  void OnSendDrained(Stream& stream) override;
  void OnBroken(Stream& stream, int error) override;
  void OnClosed(Stream& stream) override;
  void OnDialed(base::UniqueFd fd, CloseReason reason) override;
  static void OnTimer(void* self);

  Stream& Other(Stream& stream) { return &stream == &downstream_ ? upstream_ : downstream_; }
  void TryEndpoint(CloseReason otherwise);
  void CountOpened();
  bool WatchFirstBytes(std::string_view bytes);
  void NoteServerFirst();
  void NoteAsked();
  void NoteAnswered();
  void Close(CloseReason reason, bool reset);
  void MaybeFree();
  CloseReason BreakReason(const Stream& stream) const;
  void Log();

  Worker& worker_;
  const uint32_t pod_id_;
  const bool is_inbound_;
  const base::SocketAddress client_;
  const base::SocketAddress dialled_;
  std::shared_ptr<const model::Cluster> cluster_;  // Null: the dialled address itself.
  std::shared_ptr<PortMemory> memory_;             // Null: none is kept.
  std::unique_ptr<Accepted> handover_;             // To HTTP, once the ring lets go of the client.
  EndpointChoice endpoint_;
  Stream downstream_;
  Stream upstream_;
  Dial dial_;
  io::Timer timer_;
  const Stream* broken_ = nullptr;  // Has ended and broken; the other side still gets what it sent.
  bool is_undecided_ = false;       // Nothing is declared, and nobody has spoken.
  bool is_counted_ = false;
  bool awaits_answer_ = false;  // The client spoke last.
  bool is_closing_ = false;
  uint8_t closed_streams_ = 0;
  CloseReason reason_ = CloseReason::kDone;
  uint64_t last_byte_ns_ = 0;
  uint64_t start_ns_ = 0;
  uint64_t bytes_from_client_ = 0;
  uint64_t bytes_to_client_ = 0;
};

}  // namespace sluice::proxy
