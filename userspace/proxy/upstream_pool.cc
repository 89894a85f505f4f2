#include "userspace/proxy/upstream_pool.h"

#include "userspace/proxy/http1_upstream.h"
#include "userspace/proxy/http2_upstream.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

UpstreamPool::UpstreamPool(UpstreamPoolKey pool_key) : key(std::move(pool_key)) {}
UpstreamPool::~UpstreamPool() = default;

Carrier& UpstreamPools::Acquire(const DialTarget& target, model::Protocol protocol,
                                bool must_be_fresh, Exchange& user) {
  const UpstreamPoolKey key{target.accepting_pod_id, target.client, target.endpoint};
  std::unique_ptr<UpstreamPool>& pool = pools_[key];
  if (pool == nullptr) pool = std::make_unique<UpstreamPool>(key);
  return protocol == model::Protocol::kHttp2 ? AcquireHttp2(*pool, target, must_be_fresh, user)
                                             : AcquireHttp1(*pool, target, must_be_fresh, user);
}

Carrier& UpstreamPools::AcquireHttp1(UpstreamPool& pool, const DialTarget& target,
                                     bool must_be_fresh, Exchange& user) {
  if (!must_be_fresh && !pool.idle.is_empty()) {
    Http1Upstream& connection = *pool.idle.front();
    RemoveIdle(connection);
    connection.SetUser(user);
    worker_.counters().Add(Counter::kPoolHits);
    return connection;
  }
  worker_.counters().Add(Counter::kPoolMisses);
  ++pool.connection_count;
  auto connection = std::make_unique<Http1Upstream>(worker_, pool, target);
  Http1Upstream& borrowed = *connection;
  borrowed.SetUser(user);
  worker_.AddSession(std::move(connection));
  return borrowed;
}

// Fills one connection before it opens the next.
Carrier& UpstreamPools::AcquireHttp2(UpstreamPool& pool, const DialTarget& target,
                                     bool must_be_fresh, Exchange& user) {
  for (Http2Upstream& connection : pool.http2) {
    if (must_be_fresh && !connection.is_dialling()) continue;
    if (!connection.CanTake()) continue;
    worker_.counters().Add(Counter::kPoolHits);
    return connection.Take(user);
  }
  worker_.counters().Add(Counter::kPoolMisses);
  ++pool.connection_count;
  auto connection = std::make_unique<Http2Upstream>(worker_, pool, target);
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
}

void UpstreamPools::RemoveIdle(Http1Upstream& connection) {
  if (!connection.is_idle()) return;
  static_cast<base::ListLink<IdleTag>&>(connection).Unlink();
  --connection.pool().idle_count;
}

void UpstreamPools::OnConnectionGone(UpstreamPool& pool) {
  if (--pool.connection_count > 0) return;
  const UpstreamPoolKey key = pool.key;
  pools_.erase(key);
}

}  // namespace sluice::proxy
