#include "userspace/proxy/dial_pace.h"

#include <algorithm>

#include "userspace/proxy/limits.h"
#include "userspace/proxy/upstream_pool.h"

namespace sluice::proxy {

struct DialPace::Pod : base::ListLink<PacedPodTag> {
  uint32_t spent = 0;  // Of those at once.
  base::IntrusiveList<UpstreamPool, PacedTag> pools;
};

DialPace::DialPace() = default;
DialPace::~DialPace() = default;

DialPace::Pod& DialPace::PodOf(uint32_t pod_id) {
  std::unique_ptr<Pod>& pod = pods_[pod_id];
  if (pod == nullptr) pod = std::make_unique<Pod>();
  return *pod;
}

bool DialPace::MayDial(uint32_t pod_id) {
  Pod& pod = PodOf(pod_id);
  if (pod.spent >= kPacedDialsAtOnce || !pod.pools.is_empty()) return false;
  ++pod.spent;
  return true;
}

void DialPace::Add(UpstreamPool& pool) {
  if (static_cast<base::ListLink<PacedTag>&>(pool).is_linked()) return;
  Pod& pod = PodOf(pool.key.accepting_pod_id);
  pod.pools.PushBack(pool);
  if (!pod.is_linked()) waiting_.PushBack(pod);
}

void DialPace::Remove(UpstreamPool& pool) {
  auto& link = static_cast<base::ListLink<PacedTag>&>(pool);
  if (!link.is_linked()) return;
  link.Unlink();
  Pod& pod = PodOf(pool.key.accepting_pod_id);
  if (pod.pools.is_empty()) pod.Unlink();
}

UpstreamPool* DialPace::Next() {
  Pod* pod = waiting_.PopFront();
  if (pod == nullptr) return nullptr;
  waiting_.PushBack(*pod);
  UpstreamPool* pool = pod->pools.PopFront();
  pod->pools.PushBack(*pool);
  return pool;
}

void DialPace::Advance() {
  for (auto each = pods_.begin(); each != pods_.end();) {
    const auto pod = each++;
    if (!pod->second->pools.is_empty()) continue;
    pod->second->spent -= std::min(pod->second->spent, kPacedDialsPerInterval);
    if (pod->second->spent == 0) pods_.erase(pod);
  }
}

}  // namespace sluice::proxy
