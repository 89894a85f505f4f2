// HTTP connections to endpoints, kept per client and endpoint: the server must see that client's
// address, so a connection is never lent to another client. Those of HTTP/1.1 are kept while idle,
// those of HTTP/2 as long as they take requests. Thread: one worker.
#pragma once

#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "userspace/base/intrusive_list.h"
#include "userspace/model/snapshot.h"
#include "userspace/proxy/dial.h"

namespace sluice::proxy {

class Carrier;
class Exchange;
class Http2Upstream;
class Http1Upstream;
class Worker;

struct IdleTag;
struct Http2Tag;

struct UpstreamPoolKey {
  uint32_t accepting_pod_id = 0;
  base::IpAddress client;
  base::SocketAddress endpoint;
  friend bool operator==(const UpstreamPoolKey&, const UpstreamPoolKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const UpstreamPoolKey& key) {
    return H::combine(std::move(h), key.accepting_pod_id, key.client, key.endpoint);
  }
};

struct UpstreamPool {
  explicit UpstreamPool(UpstreamPoolKey pool_key);
  ~UpstreamPool();
  const UpstreamPoolKey key;
  base::IntrusiveList<Http1Upstream, IdleTag> idle;  // Most recently used first.
  uint32_t idle_count = 0;
  base::IntrusiveList<Http2Upstream, Http2Tag> http2;  // Oldest first.
  uint32_t connection_count = 0;
};

class UpstreamPools {
 public:
  explicit UpstreamPools(Worker& worker) : worker_(worker) {}

  // A connection that can take one more request, or a new one that is being dialled
  // (`must_be_fresh`: never one that an endpoint may have left). The carrier's user is `user`.
  Carrier& Acquire(const DialTarget& target, model::Protocol protocol, bool must_be_fresh,
                   Exchange& user);

  // By the connections.
  void AddIdle(Http1Upstream& connection);
  void RemoveIdle(Http1Upstream& connection);
  void OnConnectionGone(UpstreamPool& pool);

 private:
  Carrier& AcquireHttp1(UpstreamPool& pool, const DialTarget& target, bool must_be_fresh,
                        Exchange& user);
  Carrier& AcquireHttp2(UpstreamPool& pool, const DialTarget& target, bool must_be_fresh,
                        Exchange& user);

  Worker& worker_;
  absl::flat_hash_map<UpstreamPoolKey, std::unique_ptr<UpstreamPool>> pools_;
};

}  // namespace sluice::proxy
