#include "userspace/proxy/upstream_pool.h"

#include "userspace/proxy/limits.h"
#include "userspace/proxy/upstream_connection.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

UpstreamPool::UpstreamPool(UpstreamPoolKey pool_key) : key(std::move(pool_key)) {}
UpstreamPool::~UpstreamPool() = default;

UpstreamConnection& UpstreamPools::Acquire(const DialTarget& target, bool must_be_fresh,
                                           HttpConnection& user) {
  const UpstreamPoolKey key{target.accepting_pod_id, target.client, target.endpoint};
  std::unique_ptr<UpstreamPool>& pool = pools_[key];
  if (pool == nullptr) pool = std::make_unique<UpstreamPool>(key);
  if (!must_be_fresh && !pool->idle.is_empty()) {
    UpstreamConnection& connection = *pool->idle.front();
    RemoveIdle(connection);
    connection.SetUser(user);
    worker_.counters().Add(Counter::kPoolHits);
    return connection;
  }
  worker_.counters().Add(Counter::kPoolMisses);
  ++pool->connection_count;
  auto connection = std::make_unique<UpstreamConnection>(worker_, *pool, target);
  UpstreamConnection& borrowed = *connection;
  borrowed.SetUser(user);
  worker_.AddSession(std::move(connection));
  return borrowed;
}

void UpstreamPools::AddIdle(UpstreamConnection& connection) {
  UpstreamPool& pool = connection.pool();
  if (pool.idle_count >= kIdleUpstreamsPerPoolMax) {
    connection.Abandon(CloseReason::kDone);
    return;
  }
  pool.idle.PushFront(connection);
  ++pool.idle_count;
}

void UpstreamPools::RemoveIdle(UpstreamConnection& connection) {
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
