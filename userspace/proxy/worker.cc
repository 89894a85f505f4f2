#include "userspace/proxy/worker.h"
#include "userspace/proxy/exchange_pools.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "userspace/base/clock.h"
#include "userspace/base/text.h"
#include "userspace/io/time_slice.h"
#include "userspace/proxy/acceptor.h"
#include "userspace/proxy/limits.h"

namespace sluice::proxy {
namespace {

int DescriptorLimit(const WorkerLimits& limits) {
  if (limits.descriptors_max > 0) return limits.descriptors_max - limits.descriptor_reserve;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 30)) - limits.descriptor_reserve;
}

// One thread waits for one event of another. (Not absl::Notification: see mailbox.h.)
class Gate {
 public:
  void Open() {
    std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_one();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

}  // namespace

Worker::Worker(WorkerOptions options, OriginalDestinationLookup lookup, WorkerRequests requests)
    : options_(options),
      lookup_(std::move(lookup)),
      requests_(std::move(requests)),
      descriptor_limit_(DescriptorLimit(options.limits)),
      buffers_(options.limits.buffered_bytes_max),
      timers_(base::MonotonicNanos()),
      wait_policy_(options.spin_ns),
      random_(base::MonotonicNanos() ^ (uint64_t{options.index} << 56)),
      access_log_(options.access_log_format, options.access_log_fd, counters_),
      mail_{.on_complete = &Worker::OnMail, .self = this} {}

Worker::~Worker() { StopAndJoin(); }

absl::Status Worker::Start(std::shared_ptr<const RuntimeConfig> config) {
  Gate started;
  absl::Status status;
  thread_ = std::thread([&, config = std::move(config)] {
    prctl(PR_SET_NAME, base::Concat("worker", options_.index).c_str());
    auto ring = io::Ring::Create({});
    if (!ring.ok()) {
      status = ring.status();
      started.Open();
      return;
    }
    ring_ = *std::move(ring);
    segments_ = std::make_unique<SegmentPool>(*ring_, buffers_);
    pools_ = std::make_unique<UpstreamPools>(*this);
    exchange_pools_ = std::make_unique<ExchangePools>();
    SetConfig(config);
    started.Open();
    Run();
  });
  started.Wait();
  return status;
}

void Worker::StopAndJoin() {
  if (!thread_.joinable()) return;
  must_stop_ = true;
  mailbox_.Post([] {});
  thread_.join();
}

void Worker::Run() {
  ring_->PollReadMultishot(mail_, mailbox_.event_fd());
  while (!must_stop_.load(std::memory_order_relaxed)) RunTurn();
  TearDown();
}

void Worker::RunTurn() {
  now_ns_ = base::MonotonicNanos();
  const uint64_t enters_before = ring_->enter_count();
  const bool may_wait = later_.is_empty();
  turn_share_.Begin();
  const uint32_t completions =
      ring_->Turn(now_ns_, may_wait ? wait_policy_.Choose(now_ns_, timers_.NextDeadline())
                                    : io::WaitHint{.deadline_ns = now_ns_});
  counters_.Add(Counter::kEnters, ring_->enter_count() - enters_before);
  const bool had_short_slice = wait_policy_.wants_short_slice();
  wait_policy_.Observe(now_ns_, completions, ring_->yielded_ns());
  if (wait_policy_.wants_short_slice() != had_short_slice)
    io::SetTimeSlice(had_short_slice ? 0 : kShortTimeSlice);
  counters_.Add(Counter::kTurns);
  timers_.Advance(now_ns_);
  segments_->TakeBackStalled();
  ServiceDirty();
  ServeLater();
  while (pools_->GiveIdle()) ServiceDirty();
  if (buffers_.is_over()) {
    ShedBuffers();
    ServiceDirty();  // Refusals leave now: what comes next may be long in coming.
  }
  FreeSessions();
  exchange_pools_->Recycle();
  counters_.Set(Counter::kBufferedBytes, buffers_.used());
  if (!retired_pods_.empty()) FreeRetiredPods();
  access_log_.Flush();
}

// What callbacks asked for takes effect here, once per stream and turn, so that small writes leave
// together.
void Worker::ServiceDirty() {
  if (!starved_.is_empty() && ring_->buffers_held() < ring_->buffer_count())
    dirty_.TakeAll(starved_);
  while (Stream* stream = dirty_.PopFront()) {
    // A client that goes may leave a thousand connections to endpoints behind.
    if (stream->is_closing() && turn_share_.IsSpent())
      AddLater(*stream);
    else
      stream->Service();
  }
}

void Worker::AddLater(Stream& stream) {
  if (stream.is_put_back()) return;
  counters_.Add(Counter::kPutOff);
  later_.PushBack(stream);
}

// They have a share of their own: whoever comes anew takes none of it. A small one, since others
// feel it in each of the turns that a burst takes. In turns, so that none waits for ever: who is
// put back once more goes behind the others.
void Worker::ServeLater() {
  if (later_.is_empty()) return;
  turn_share_.Begin(kTurnStepsLater);
  do {
    later_.PopFront()->GoOn();
    ServiceDirty();
  } while (!later_.is_empty() && !turn_share_.IsSpent());
}

void Worker::OnMail(void* self, const io::Completion& completion) {
  auto& worker = *static_cast<Worker*>(self);
  worker.TakeMail();
  if (!completion.has_more)
    worker.ring_->PollReadMultishot(worker.mail_, worker.mailbox_.event_fd());
}

void Worker::TakeMail() {
  for (io::Mailbox::Message& message : mailbox_.TakeAll()) message();
}

void Worker::AddSession(std::unique_ptr<Session> session) {
  descriptors_used_ += session->descriptor_count();
  descriptors_by_pod_[session->pod_id()] += session->descriptor_count();
  Session& owned = *session.release();  // By the list, from here to FreeSessions.
  sessions_.PushBack(owned);
  session_count_.fetch_add(1, std::memory_order_relaxed);
  owned.Start();
}

void Worker::FreeSession(Session& session) {
  static_cast<base::ListLink<Session>&>(session).Unlink();
  freed_.PushBack(session);
}

void Worker::FreeSessions() {
  while (Session* session = freed_.PopFront()) {
    descriptors_used_ -= session->descriptor_count();
    const auto of_pod = descriptors_by_pod_.find(session->pod_id());
    of_pod->second -= session->descriptor_count();
    if (of_pod->second == 0) descriptors_by_pod_.erase(of_pod);
    delete session;
    session_count_.fetch_sub(1, std::memory_order_relaxed);
  }
}

// However many one pod has, another finds some left.
bool Worker::HasShareLeft(uint32_t pod_id) const {
  const int shared = options_.limits.descriptors_shared > 0
                         ? options_.limits.descriptors_shared
                         : descriptor_limit_ / static_cast<int>(options_.worker_count);
  const auto of_pod = descriptors_by_pod_.find(pod_id);
  return of_pod == descriptors_by_pod_.end() ||
         HasPodShareLeft(static_cast<int>(of_pod->second), static_cast<int>(descriptors_used_),
                         shared);
}

// Those who hold most go first, of equals the oldest. What was shed before and is still on its way
// out counts as gone.
void Worker::ShedBuffers() {
  std::vector<Session*> holders;
  size_t leaving = 0;
  for (Session* session : SessionsNow()) {
    if (session->is_shed_)
      leaving += session->held_bytes();
    else if (session->held_bytes() > 0)
      holders.push_back(session);
  }
  std::stable_sort(holders.begin(), holders.end(), [](const Session* one, const Session* other) {
    return one->held_bytes() > other->held_bytes();
  });
  for (Session* session : holders) {
    if (leaving >= buffers_.excess()) return;
    leaving += session->held_bytes();
    session->is_shed_ = true;
    session->Shed();
  }
}

char* Worker::byte_scratch(size_t size) {
  if (size > byte_scratch_size_) {
    byte_scratch_size_ = size;
    byte_scratch_.reset(new char[size]);  // Not make_unique, which would fill it.
  }
  return byte_scratch_.get();
}

// The process is about to end. Memory that the ring may still write to after the grace time is left
// alone on purpose.
void Worker::TearDown() {
  is_draining_ = true;
  while (!pods_.empty()) RemovePod(pods_.begin()->first);
  for (Session* session : SessionsNow()) session->Abandon(CloseReason::kDraining);
  bool is_over = false;
  io::Timer grace([](void* over) { *static_cast<bool*>(over) = true; }, &is_over);
  timers_.Arm(grace, now_ns_ + kTearDownGrace);
  while (!is_over && (session_count() > 0 || !retired_pods_.empty())) RunTurn();
  for (auto& pod : retired_pods_) static_cast<void>(pod.release());
}

LocalPod* Worker::FindPod(uint32_t pod_id) {
  const auto found = pods_.find(pod_id);
  return found == pods_.end() ? nullptr : found->second.get();
}

std::string Worker::PodName(uint32_t pod_id) {
  const LocalPod* pod = FindPod(pod_id);
  return pod == nullptr ? "" : base::Concat(pod->namespace_name(), "/", pod->name());
}

LocalPod* Worker::FindPodByAddress(const base::IpAddress& address) {
  const auto found = pods_by_address_.find(address);
  return found == pods_by_address_.end() ? nullptr : found->second;
}

void Worker::AddPod(LocalPodSpec spec) {
  const uint32_t pod_id = spec.pod_id;
  const bool has_more = spec.has_more;
  auto pod = std::make_unique<LocalPod>(*this, std::move(spec));
  for (const base::IpAddress& address : pod->addresses()) pods_by_address_[address] = pod.get();
  pods_[pod_id] = std::move(pod);
  if (has_more || is_draining_) return;
  for (auto& [id, known] : pods_) known->StartAccepting();
}

// Established connections of the pod live on; only nothing new begins. The acceptors' last
// completions may still be on their way, and dials may come back for another socket, so the pod
// itself is kept until both have ended.
void Worker::RemovePod(uint32_t pod_id) {
  const auto found = pods_.find(pod_id);
  if (found == pods_.end()) return;
  std::unique_ptr<LocalPod> pod = std::move(found->second);
  pods_.erase(found);
  for (const base::IpAddress& address : pod->addresses()) {
    const auto by_address = pods_by_address_.find(address);
    if (by_address != pods_by_address_.end() && by_address->second == pod.get()) {
      pods_by_address_.erase(by_address);
    }
  }
  pod->StopAccepting();
  retired_pods_.push_back(std::move(pod));
}

void Worker::FreeRetiredPods() {
  std::erase_if(retired_pods_, [](const auto& pod) { return pod->is_idle(); });
}

void Worker::SetConfig(std::shared_ptr<const RuntimeConfig> config) {
  if (endpoint_loads_.size() < config->snapshot().endpoint_slot_count()) {
    endpoint_loads_.resize(config->snapshot().endpoint_slot_count());
  }
  config_ = ConfigPin(new PinnedConfig{.config = std::move(config)});
}

void Worker::AddLoad(const model::EndpointSlot& slot) {
  balance::EndpointLoad& load = endpoint_loads_[slot.index];
  if (load.generation != slot.generation) load = {.generation = slot.generation};
  ++load.active_requests;
}

void Worker::RemoveLoad(const model::EndpointSlot& slot) {
  balance::EndpointLoad& load = endpoint_loads_[slot.index];
  if (load.generation == slot.generation && load.active_requests > 0) --load.active_requests;
}

void Worker::AddDialSockets(const DialSocketKey& key, std::vector<base::UniqueFd> sockets) {
  LocalPod* pod = FindPod(key.pod_id);
  if (pod != nullptr) pod->stock(key.kind, key.is_v6).Add(std::move(sockets));
}

uint16_t Worker::NextSourcePort() {
  constexpr uint32_t kCount = kSourcePortLast - kSourcePortFirst + 1;
  // Workers start apart; each walks the whole range before it meets a port again.
  const uint32_t offset = (next_source_port_++ + options_.index * (kCount / 8)) % kCount;
  return static_cast<uint16_t>(kSourcePortFirst + offset);
}

void Worker::StartDrain() {
  is_draining_ = true;
  for (auto& [id, pod] : pods_) pod->StopAccepting();
  for (Session* session : SessionsNow()) session->Drain();
}

// Sessions are freed only at the end of a turn, so the pointers hold for the rest of this one.
std::vector<Session*> Worker::SessionsNow() {
  std::vector<Session*> sessions;
  base::IntrusiveList<Session, Session> all;
  all.TakeAll(sessions_);
  while (Session* session = all.PopFront()) {
    sessions_.PushBack(*session);
    sessions.push_back(session);
  }
  return sessions;
}

}  // namespace sluice::proxy
