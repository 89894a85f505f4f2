// HTTP connections to endpoints, kept per client and endpoint: the server must see that client's
// address, so a connection is never lent to another client. Those of HTTP/1.1 are kept while idle,
// those of HTTP/2 as long as they take requests. Streams of one pod that ask for too many at once
// wait, for one that becomes idle or for their turn to have one made (dial_pace.h). Thread: one
// worker.
#pragma once

#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "userspace/base/intrusive_list.h"
#include "userspace/io/timer_wheel.h"
#include "userspace/model/snapshot.h"
#include "userspace/proxy/dial.h"
#include "userspace/proxy/dial_pace.h"

namespace sluice::proxy {

class Carrier;
class Exchange;
class Http2Upstream;
class Http1Upstream;
class Worker;

struct IdleTag;
struct Http2Tag;
struct CarrierWaitTag;
struct GivingTag;

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

struct UpstreamPool : base::ListLink<PacedTag>, base::ListLink<GivingTag> {
  explicit UpstreamPool(UpstreamPoolKey pool_key);
  ~UpstreamPool();
  const UpstreamPoolKey key;
  base::IntrusiveList<Http1Upstream, IdleTag> idle;  // Most recently used first.
  uint32_t idle_count = 0;
  base::IntrusiveList<Http2Upstream, Http2Tag> http2;     // Oldest first.
  base::IntrusiveList<Exchange, CarrierWaitTag> waiting;  // For one of HTTP/1.1.
  uint32_t connection_count = 0;
};

class UpstreamPools {
 public:
  explicit UpstreamPools(Worker& worker);

  // What a request asks for.
  struct Wish {
    model::Protocol protocol = model::Protocol::kHttp1;  // That the endpoint speaks.
    bool must_be_fresh = false;  // Never one that an endpoint may have left.
    bool may_wait = false;
  };
  // A connection that can take one more request, or a new one that is being dialled; its user is
  // `user`. Null: `user` waits; Exchange::OnCarrierGiven follows, from the loop.
  Carrier* Acquire(const DialTarget& target, Wish wish, Exchange& user);
  void StopWaiting(Exchange& user, UpstreamPool& pool);
  // What has become idle goes to those who wait for it. Whether there was any.
  bool GiveIdle();

  // By the connections.
  void AddIdle(Http1Upstream& connection);
  void RemoveIdle(Http1Upstream& connection);
  void OnConnectionGone(UpstreamPool& pool);

 private:
  Carrier* AcquireHttp1(UpstreamPool& pool, Wish wish, Exchange& user);
  Carrier& AcquireHttp2(UpstreamPool& pool, bool must_be_fresh, Exchange& user);
  Carrier& LendIdle(UpstreamPool& pool, Exchange& user);
  Carrier& DialHttp1(UpstreamPool& pool, Exchange& user);
  void Wait(UpstreamPool& pool, Exchange& user);
  Exchange& TakeWaiting(UpstreamPool& pool);
  void ForgetUnused(UpstreamPool& pool);
  static void OnInterval(void* self);
  void ArmInterval();

  Worker& worker_;
  DialPace pace_;
  io::Timer interval_;
  base::IntrusiveList<UpstreamPool, GivingTag> giving_;  // Something is idle, and somebody waits.
  absl::flat_hash_map<UpstreamPoolKey, std::unique_ptr<UpstreamPool>> pools_;
};

}  // namespace sluice::proxy
