// Makes the sockets that the proxy cannot make itself: inside a pod's namespace, marked as ours,
// and for local pods transparent, so that the proxy may bind the client's address. Bounds:
// kSocketsPerAnswerMax in one answer, kSocketsPerSecondMax over all; past that the answer has none
// and says so. Thread: one. Needs CAP_NET_ADMIN in the pod's namespace.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "api/node.pb.h"
#include "userspace/agent/network_namespace.h"
#include "userspace/agent/pod_namespace.h"
#include "userspace/datapath/datapath.h"

namespace sluice::agent {

inline constexpr uint32_t kSocketsPerAnswerMax = 200;
inline constexpr double kSocketsPerSecondMax = 50'000;

// Pure: lets through what the rate allows, in whole sockets.
class RateCap {
 public:
  explicit RateCap(double per_s) : per_s_(per_s), left_(per_s) {}
  // How many of `wanted` may be made at `now`; they are taken off.
  uint32_t Take(uint32_t wanted, absl::Time now);

 private:
  double per_s_;
  double left_;
  absl::Time last_ = absl::InfinitePast();
};

struct SocketBankCounters {
  uint64_t handed = 0;
  uint64_t refused_requests = 0;  // Unknown pod, kind, family or count.
  uint64_t capped_requests = 0;
  uint64_t failed_requests = 0;  // The kernel refused.
};

class SocketBank {
 public:
  // Borrows both, which outlive it.
  SocketBank(const NamespaceSwitch& network, datapath::Datapath& kernel)
      : network_(network), kernel_(kernel), cap_(kSocketsPerSecondMax) {}

  // The answer to `wanted`, with its sockets in `fds`. `prepared` is the pod's, null if there is no
  // such pod.
  node::v1::ToProxy Answer(const node::v1::SocketsWanted& wanted, const PreparedNamespace* prepared,
                           absl::Time now, std::vector<SharedFd>& fds);

  const SocketBankCounters& counters() const { return counters_; }

 private:
  absl::Status Make(const node::v1::SocketsWanted& wanted, uint32_t count, int namespace_fd,
                    std::vector<SharedFd>& fds);

  const NamespaceSwitch& network_;
  datapath::Datapath& kernel_;
  RateCap cap_;
  SocketBankCounters counters_;
};

}  // namespace sluice::agent
