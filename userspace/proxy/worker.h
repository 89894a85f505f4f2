// One worker: a thread, its ring, its timers and everything it serves. Nothing here is shared with
// other workers but immutable configuration. Thread: its own, except where a function says
// otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "userspace/balance/pick.h"
#include "userspace/base/prng.h"
#include "userspace/http/h2_head.h"
#include "userspace/http/path.h"
#include "userspace/io/mailbox.h"
#include "userspace/io/ring.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/proxy/access_log.h"
#include "userspace/proxy/buffer_budget.h"
#include "userspace/proxy/config_pin.h"
#include "userspace/proxy/counters.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/local_pod.h"
#include "userspace/proxy/outbox.h"
#include "userspace/proxy/pod_port_memories.h"
#include "userspace/proxy/runtime_config.h"
#include "userspace/proxy/stream.h"
#include "userspace/proxy/turn_share.h"
#include "userspace/proxy/upstream_pool.h"
#include "userspace/proxy/wait_policy.h"

namespace sluice::proxy {

struct ExchangePools;

// Looks up and removes what a captured connection dialled; the body reads a kernel map
// (userspace/app).
using OriginalDestinationLookup = std::function<std::optional<base::SocketAddress>(
    uint64_t netns_cookie, const base::SocketAddress& client)>;

// What a worker asks of the main thread. Called on the worker's thread; must only post.
struct WorkerRequests {
  std::function<void(uint32_t worker, const DialSocketKey& key, uint32_t count)> sockets_wanted;
};

struct WorkerOptions {
  uint32_t index = 0;
  uint32_t worker_count = 1;  // Of the process.
  bool is_accelerated = false;
  uint64_t spin_ns = 0;  // Busy polling for a lone client before the worker sleeps; 0: never.
  AccessLogFormat access_log_format = AccessLogFormat::kOff;
  int access_log_fd = -1;  // Borrowed.
  http::PathNormalisation path_normalisation = http::PathNormalisation::kStrict;
  WorkerLimits limits;
};

// A connection of any kind, owned by the worker from acceptance until it asks to be freed.
class Session : public base::ListLink<Session> {
 public:
  virtual ~Session() = default;
  virtual void Start() {}                          // Once the worker owns it. May end it.
  virtual void Abandon(CloseReason reason) = 0;    // Close now, whatever the state.
  virtual void Drain() = 0;                        // Close as soon as nothing is in flight.
  virtual uint32_t pod_id() const = 0;             // The pod whose listener accepted it.
  virtual uint32_t descriptor_count() const = 0;   // That it has or will have.
  virtual size_t held_bytes() const { return 0; }  // In buffers for its client.
  // Gives back what it holds, with a refusal where one can still be sent.
  virtual void Shed() { Abandon(CloseReason::kMemoryLimit); }

 private:
  friend class Worker;
  bool is_shed_ = false;
};

class Worker {
 public:
  Worker(WorkerOptions options, OriginalDestinationLookup lookup, WorkerRequests requests);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // From the main thread. Start returns once the ring is there, or why it is not.
  absl::Status Start(std::shared_ptr<const RuntimeConfig> config);
  void Post(io::Mailbox::Message message) { mailbox_.Post(std::move(message)); }
  const Counters& counters() const { return counters_; }
  uint32_t index() const { return options_.index; }
  bool is_behind() { return mailbox_.size() >= kMailboxHigh; }
  void StopAndJoin();

  // Messages, run on the worker's thread (through Post).
  void AddPod(LocalPodSpec spec);
  void RemovePod(uint32_t pod_id);
  void SetConfig(std::shared_ptr<const RuntimeConfig> config);
  void AddDialSockets(const DialSocketKey& key, std::vector<base::UniqueFd> sockets);
  void StartDrain();
  size_t session_count() const {
    return session_count_.load(std::memory_order_relaxed);
  }  // Any thread.

  // For what the worker serves.
  io::Ring& ring() { return *ring_; }
  io::TimerWheel& timers() { return timers_; }
  SegmentPool& segments() { return *segments_; }
  BufferBudget& buffers() { return buffers_; }
  Counters& counters() { return counters_; }
  base::Prng& random() { return random_; }
  UpstreamPools& pools() { return *pools_; }
  PodPortMemories& pod_ports() { return pod_ports_; }
  ExchangePools& exchange_pools() { return *exchange_pools_; }
  http::H2HeadBuffer& h2_heads() { return h2_heads_; }  // Of all HTTP/2 sessions.
  AccessLog& access_log() { return access_log_; }
  uint64_t now_ns() const { return now_ns_; }
  const WorkerLimits& limits() const { return options_.limits; }
  http::PathNormalisation path_normalisation() const { return options_.path_normalisation; }
  int descriptor_limit() const { return descriptor_limit_; }
  bool is_accelerated() const { return options_.is_accelerated; }
  bool is_draining() const { return is_draining_; }
  const RuntimeConfig& config() const { return *config_; }
  ConfigPin PinConfig() const { return config_.Clone(); }
  const std::vector<balance::EndpointLoad>& endpoint_loads() const { return endpoint_loads_; }
  void AddLoad(const model::EndpointSlot& slot);
  void RemoveLoad(const model::EndpointSlot& slot);
  // Null if the pod is not (or no longer) one of this node.
  LocalPod* FindPod(uint32_t pod_id);
  std::string PodName(uint32_t pod_id);  // "namespace/name" for the access log; "" if it is gone.
  LocalPod* FindPodByAddress(const base::IpAddress& address);
  // False once the pod has as many descriptors as are left for everybody.
  bool HasShareLeft(uint32_t pod_id) const;
  const WorkerRequests& requests() const { return requests_; }
  const OriginalDestinationLookup& original_destination() const { return lookup_; }
  uint16_t NextSourcePort();
  void BeginWork() { wait_policy_.BeginWork(now_ns_); }
  void EndWork() { wait_policy_.EndWork(); }
  void NoteRelayed(const Session& relay) { wait_policy_.NoteRelayed(&relay, now_ns_); }

  void AddDirty(Stream& stream) { dirty_.PushBack(stream); }
  void AddStarved(Stream& stream) { starved_.PushBack(stream); }
  // It goes on in the next turn (Stream::GoOn).
  void AddLater(Stream& stream);
  TurnShare& turn_share() { return turn_share_; }
  void AddSession(std::unique_ptr<Session> session);
  void FreeSession(Session& session);  // Freed at the end of the turn.

  // Scratch for one synchronous step; contents do not survive it.
  http::RequestHead& request_scratch() { return request_head_; }
  http::RequestHead& outgoing_request_scratch() { return outgoing_request_head_; }
  http::ResponseHead& response_scratch() { return response_head_; }
  http::ResponseHead& rewritten_response_scratch() { return rewritten_response_head_; }
  std::string& text_scratch() { return text_scratch_; }
  char* byte_scratch(size_t size);  // At least `size` bytes, with anything in them.

 private:
  static void OnMail(void* self, const io::Completion& completion);
  void Run();
  void RunTurn();
  void ServiceDirty();
  void ServeLater();
  void TakeMail();
  void FreeSessions();
  void ShedBuffers();
  void FreeRetiredPods();
  void TearDown();
  std::vector<Session*> SessionsNow();

  const WorkerOptions options_;
  const OriginalDestinationLookup lookup_;
  const WorkerRequests requests_;
  const int descriptor_limit_;  // New connections get none from here on.
  Counters counters_;
  io::Mailbox mailbox_;
  std::thread thread_;
  std::atomic<bool> must_stop_{false};
  std::atomic<size_t> session_count_{0};

  std::unique_ptr<io::Ring> ring_;
  BufferBudget buffers_;
  std::unique_ptr<SegmentPool> segments_;
  io::TimerWheel timers_;
  WaitPolicy wait_policy_;
  base::Prng random_;
  AccessLog access_log_;
  std::unique_ptr<UpstreamPools> pools_;
  PodPortMemories pod_ports_{kPodPortsRemembered};
  io::Operation mail_;
  bool is_draining_ = false;
  uint64_t now_ns_ = 0;
  TurnShare turn_share_;
  uint32_t next_source_port_ = 0;

  ConfigPin config_;
  std::vector<balance::EndpointLoad> endpoint_loads_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<LocalPod>> pods_;
  absl::flat_hash_map<base::IpAddress, LocalPod*> pods_by_address_;
  std::vector<std::unique_ptr<LocalPod>> retired_pods_;  // Removed; freed once they are idle.

  absl::flat_hash_map<uint32_t, uint32_t> descriptors_by_pod_;  // Of sessions.
  uint32_t descriptors_used_ = 0;

  base::IntrusiveList<Stream, DirtyTag> dirty_;
  base::IntrusiveList<Stream, DirtyTag> starved_;
  base::IntrusiveList<Stream, LaterTag> later_;  // In the order in which they go on.
  base::IntrusiveList<Session, Session> sessions_;
  base::IntrusiveList<Session, Session> freed_;

  std::unique_ptr<ExchangePools> exchange_pools_;
  http::H2HeadBuffer h2_heads_;
  http::RequestHead request_head_;
  http::RequestHead outgoing_request_head_;
  http::ResponseHead response_head_;
  http::ResponseHead rewritten_response_head_;
  std::string text_scratch_;
  std::unique_ptr<char[]> byte_scratch_;
  size_t byte_scratch_size_ = 0;
};

}  // namespace sluice::proxy
