#include "userspace/proxy/upstream_pool.h"

#include "userspace/proxy/exchange.h"
#include "userspace/proxy/http1_upstream.h"
#include "userspace/proxy/http2_upstream.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {
namespace {

DialTarget TargetOf(const UpstreamPool& pool) {
  return {.accepting_pod_id = pool.key.accepting_pod_id,
          .client = pool.key.client,
          .endpoint = pool.key.endpoint,
          .is_client_outside = false};
}

}  // namespace

UpstreamPool::UpstreamPool(UpstreamPoolKey pool_key) : key(std::move(pool_key)) {}
UpstreamPool::~UpstreamPool() = default;

UpstreamPools::UpstreamPools(Worker& worker)
    : worker_(worker), interval_(&UpstreamPools::OnInterval, this) {}

Carrier* UpstreamPools::Acquire(const DialTarget& target, Wish wish, Exchange& user) {
  const UpstreamPoolKey key{target.accepting_pod_id, target.client, target.endpoint};
  std::unique_ptr<UpstreamPool>& pool = pools_[key];
  if (pool == nullptr) pool = std::make_unique<UpstreamPool>(key);
  return wish.protocol == model::Protocol::kHttp2 ? &AcquireHttp2(*pool, wish.must_be_fresh, user)
                                                  : AcquireHttp1(*pool, wish, user);
}

Carrier* UpstreamPools::AcquireHttp1(UpstreamPool& pool, Wish wish, Exchange& user) {
  const bool is_behind = wish.may_wait && !pool.waiting.is_empty();
  if (!is_behind && !wish.must_be_fresh && !pool.idle.is_empty()) return &LendIdle(pool, user);
  if (wish.may_wait) {
    const bool may_dial = pace_.MayDial(pool.key.accepting_pod_id);
    ArmInterval();
    if (!may_dial) {
      Wait(pool, user);
      return nullptr;
    }
  }
  return &DialHttp1(pool, user);
}

Carrier& UpstreamPools::LendIdle(UpstreamPool& pool, Exchange& user) {
  Http1Upstream& connection = *pool.idle.front();
  RemoveIdle(connection);
  connection.SetUser(user);
  worker_.counters().Add(Counter::kPoolHits);
  return connection;
}

Carrier& UpstreamPools::DialHttp1(UpstreamPool& pool, Exchange& user) {
  worker_.counters().Add(Counter::kPoolMisses);
  ++pool.connection_count;
  auto connection = std::make_unique<Http1Upstream>(worker_, pool, TargetOf(pool));
  Http1Upstream& borrowed = *connection;
  borrowed.SetUser(user);
  worker_.AddSession(std::move(connection));
  return borrowed;
}

// Fills one connection before it opens the next.
Carrier& UpstreamPools::AcquireHttp2(UpstreamPool& pool, bool must_be_fresh, Exchange& user) {
  for (Http2Upstream& connection : pool.http2) {
    if (must_be_fresh && !connection.is_dialling()) continue;
    if (!connection.CanTake()) continue;
    worker_.counters().Add(Counter::kPoolHits);
    return connection.Take(user);
  }
  worker_.counters().Add(Counter::kPoolMisses);
  ++pool.connection_count;
  auto connection = std::make_unique<Http2Upstream>(worker_, pool, TargetOf(pool));
  Http2Upstream& borrowed = *connection;
  pool.http2.PushBack(borrowed);
  worker_.AddSession(std::move(connection));
  return borrowed.Take(user);
}

void UpstreamPools::AddIdle(Http1Upstream& connection) {
  UpstreamPool& pool = connection.pool();
  if (pool.idle_count >= kIdleUpstreamsPerPoolMax) {
    connection.Abandon(CloseReason::kDone);
    return;
  }
  pool.idle.PushFront(connection);
  ++pool.idle_count;
  const bool is_giving = static_cast<base::ListLink<GivingTag>&>(pool).is_linked();
  if (!pool.waiting.is_empty() && !is_giving) giving_.PushBack(pool);
}

void UpstreamPools::RemoveIdle(Http1Upstream& connection) {
  if (!connection.is_idle()) return;
  static_cast<base::ListLink<IdleTag>&>(connection).Unlink();
  --connection.pool().idle_count;
}

void UpstreamPools::OnConnectionGone(UpstreamPool& pool) {
  --pool.connection_count;
  ForgetUnused(pool);
}

void UpstreamPools::ForgetUnused(UpstreamPool& pool) {
  if (pool.connection_count > 0 || !pool.waiting.is_empty()) return;
  static_cast<base::ListLink<GivingTag>&>(pool).Unlink();
  const UpstreamPoolKey key = pool.key;
  pools_.erase(key);
}

// --- Those who wait.

void UpstreamPools::Wait(UpstreamPool& pool, Exchange& user) {
  worker_.counters().Add(Counter::kUpstreamWaits);
  pool.waiting.PushBack(user);
  user.AwaitCarrier(pool);
  pace_.Add(pool);
}

Exchange& UpstreamPools::TakeWaiting(UpstreamPool& pool) {
  Exchange& user = *pool.waiting.PopFront();
  if (pool.waiting.is_empty()) pace_.Remove(pool);
  return user;
}

void UpstreamPools::StopWaiting(Exchange& user, UpstreamPool& pool) {
  static_cast<base::ListLink<CarrierWaitTag>&>(user).Unlink();
  if (!pool.waiting.is_empty()) return;
  pace_.Remove(pool);
  ForgetUnused(pool);
}

// Not where a connection becomes idle: it is in the midst of its last answer there.
bool UpstreamPools::GiveIdle() {
  if (giving_.is_empty()) return false;
  while (UpstreamPool* pool = giving_.PopFront()) {
    while (!pool->waiting.is_empty() && !pool->idle.is_empty()) {
      if (pool->waiting.front()->wants_fresh()) break;  // It has its turn like the others.
      Exchange& user = TakeWaiting(*pool);
      user.OnCarrierGiven(LendIdle(*pool, user));
    }
  }
  return true;
}

void UpstreamPools::OnInterval(void* self) {
  auto& pools = *static_cast<UpstreamPools*>(self);
  for (uint32_t i = 0; i < kPacedDialsPerInterval; ++i) {
    UpstreamPool* pool = pools.pace_.Next();
    if (pool == nullptr) break;
    Exchange& user = pools.TakeWaiting(*pool);
    user.OnCarrierGiven(pools.DialHttp1(*pool, user));
  }
  pools.pace_.Advance();
  pools.ArmInterval();
}

// From when it ended, not from when it was due: who is behind does not do more at once.
void UpstreamPools::ArmInterval() {
  if (pace_.is_idle() || interval_.is_armed()) return;
  worker_.timers().Arm(interval_, worker_.now_ns() + kDialInterval);
}

}  // namespace sluice::proxy
