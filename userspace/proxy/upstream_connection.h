// One HTTP/1.1 connection to an endpoint: dialled for one exchange, then kept and lent again. At
// most one user at a time. Thread: one worker. Owned by the worker as a Session.
#pragma once

#include <cstdint>

#include "userspace/proxy/dial.h"
#include "userspace/proxy/stream.h"
#include "userspace/proxy/upstream_pool.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

class UpstreamConnection final : public Session,
                                 public base::ListLink<IdleTag>,
                                 private StreamOwner,
                                 private DialOwner {
 public:
  UpstreamConnection(Worker& worker, UpstreamPool& pool, const DialTarget& target);
  ~UpstreamConnection() override;

  void SetUser(HttpConnection& user);
  // The user is done. Not reusable: closed (`reset`: with RST).
  void Release(bool is_reusable, bool reset = false);

  Stream& stream() { return stream_; }
  UpstreamPool& pool() { return pool_; }
  bool is_connected() const { return stream_.is_attached(); }
  bool is_idle() const { return base::ListLink<IdleTag>::is_linked(); }
  bool is_reused() const { return use_count_ > 1; }
  // Something of the user's request is on its way: only then can what arrives be its answer.
  bool has_begun_sending() const { return stream_.sent_size() > sent_before_use_; }

  void Abandon(CloseReason reason) override;
  void Drain() override;
  uint32_t pod_id() const override { return pool_.key.accepting_pod_id; }
  uint32_t descriptor_count() const override { return 1; }

 private:
  void OnReceive(Stream& stream, Received& received) override;
  void OnReceiveEnd(Stream& stream) override;
  void OnSendDrained(Stream& stream) override;
  void OnBroken(Stream& stream, int error) override;
  void OnClosed(Stream& stream) override;
  void OnDialed(base::UniqueFd fd, CloseReason reason) override;
  static void OnIdleTimer(void* self);
  void Close(bool reset);

  Worker& worker_;
  UpstreamPool& pool_;
  HttpConnection* user_ = nullptr;
  uint32_t use_count_ = 0;
  uint64_t sent_before_use_ = 0;
  bool must_close_ = false;
  Stream stream_;
  Dial dial_;
  io::Timer idle_timer_;
  uint64_t idle_since_ns_ = 0;
};

}  // namespace sluice::proxy
