// How fast streams of HTTP/2 get new connections to endpoints that take one request each: thirty
// bytes of a client may ask for one, which costs us and the endpoint a hundred microseconds. A few
// of a pod's streams at once, then a few in each interval, for the pods in turns (docs/adr/0015).
// Clients of HTTP/1.1 and TCP are not held: they have made a connection of their own for each.
// Thread: one worker. Owns nothing of its pools: a pool leaves before it dies.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "userspace/base/intrusive_list.h"

namespace sluice::proxy {

struct UpstreamPool;
struct PacedTag;
struct PacedPodTag;

class DialPace {
 public:
  DialPace();
  ~DialPace();

  // Whether a stream of that pod may have a connection made at once; counts it if so.
  bool MayDial(uint32_t pod_id);
  // Streams wait for one there, until Remove. Again is no change.
  void Add(UpstreamPool& pool);
  void Remove(UpstreamPool& pool);
  // Whose turn it is, which goes behind the others; null if none waits.
  UpstreamPool* Next();
  // An interval is over.
  void Advance();
  // Nobody waits, and all may dial as many at once as at first: intervals need not be counted.
  bool is_idle() const { return pods_.empty(); }

 private:
  struct Pod;
  Pod& PodOf(uint32_t pod_id);

  absl::flat_hash_map<uint32_t, std::unique_ptr<Pod>> pods_;
  base::IntrusiveList<Pod, PacedPodTag> waiting_;
};

}  // namespace sluice::proxy
