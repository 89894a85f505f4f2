// The pods of this node, each somewhere on its way:
//   planned -> kPrepared -> kAdding -> kServing          (prepare namespace; AddPod, PodAdded;
//   kernel capture) any     -> kLeaving -> gone                          (kernel first; RemovePod,
//   PodRemoved; namespace put back when its connections have ended) a proxy that ends sends kAdding
//   and kServing back to kPrepared; captured pods stay captured, connections wait.
// A pod whose step fails is not captured, with a reason, and is tried again at the next Step().
// Borrows: the three rims, which outlive it. Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "userspace/agent/pod_host.h"
#include "userspace/agent/pod_plan.h"
#include "userspace/agent/proxy_port.h"
#include "userspace/datapath/datapath.h"

namespace sluice::agent {

enum class PodPhase : uint8_t { kPrepared, kAdding, kServing, kLeaving };

struct HeldPod {
  uint32_t id = 0;
  PlannedPod plan;
  PreparedNamespace prepared;
  PodPhase phase = PodPhase::kPrepared;
  bool is_captured = false;      // In the kernel, with plan.acceleration.
  std::string level_refusal;     // Why the kernel did not take the level that is planned now.
  bool must_tell_proxy = false;  // Leaving: RemovePod is not sent yet.
  bool is_told = false;          // Leaving: RemovePod is sent; PodRemoved ends it.
};

// How long a pod that left the mesh keeps its reply route for connections that it still serves.
inline constexpr absl::Duration kHopDrainLimit = absl::Seconds(300);

class PodSet {
 public:
  // `acceleration` is for the pods that wish nothing themselves.
  PodSet(datapath::Datapath& kernel, ProxyPort& proxy, PodHost& host,
         datapath::Acceleration acceleration)
      : kernel_(kernel), proxy_(proxy), host_(host), acceleration_(acceleration) {}

  // Looks at the namespaces and makes the plan. Pods that must go leave the kernel now, the proxy
  // in Advance(): between the two the caller brings the kernel's destinations up to date.
  void Plan(const Resources& resources);
  void Advance(bool can_add_to_proxy);
  // Opens what an earlier run captured and the plan, which must be complete, does not name. A pod
  // of the plan whose namespace cannot be looked at may be any of them: then all stay closed.
  void ReleaseUnplanned();
  // Namespaces of pods that left are put back when their last connection through the proxy has
  // ended or kHopDrainLimit has passed since the first call that saw them.
  void FinishDrains(absl::Time now);

  // False: not expected from this proxy; nothing changes.
  bool PodAdded(uint32_t pod_id);
  bool PodRemoved(uint32_t pod_id);
  void ProxyGone();

  // The end: the kernel captures nothing any more and the proxy is gone; every namespace is put
  // back.
  void PutEverythingBack();

  // Of captured pods, and of those that an earlier run captured and this one plans to: whoever is
  // taken over first must not reach the others past the proxy.
  std::vector<base::IpAddress> CapturedAddresses() const;
  const HeldPod* Find(uint32_t pod_id) const;
  const std::vector<PlannedPod>& plan() const { return plan_; }
  // Why the pod is not serving; empty if it is.
  std::string ReasonOf(const PlannedPod& pod) const;
  bool IsCaptured(const std::string& uid) const;
  // The level that a captured pod has from us: what it is planned to have, unless the kernel
  // refused to change it. The kernel's probes may lower it.
  struct LevelInForce {
    datapath::Acceleration requested = datapath::Acceleration::kOff;
    std::string refusal;  // Empty: as planned.
  };
  LevelInForce LevelOf(const PlannedPod& planned) const;
  size_t draining_count() const { return drains_.size(); }
  uint64_t drains_cut() const { return drains_cut_; }  // By the limit.

 private:
  // The proxy has let go of the pod; connections that were established through it live on.
  struct Drain {
    std::string uid;
    PreparedNamespace prepared;  // Without its listeners.
    absl::Time since = absl::InfiniteFuture();
  };

  HeldPod* FindActive(const std::string& uid);
  const HeldPod* FindActive(const std::string& uid) const;
  void Observe(const Resources& resources);
  void StartLeaving(HeldPod& pod);
  void FinishLeaving(uint32_t pod_id, bool may_drain);
  size_t HopsOf(const std::string& uid, const PreparedNamespace& prepared);
  void PutDrainsBack();
  void PutBack(const std::string& uid, const PreparedNamespace& prepared);
  void PrepareNew();
  void AddToProxy(HeldPod& pod, bool has_more);
  absl::Status Capture(HeldPod& pod);
  void Accelerate(HeldPod& pod, std::optional<datapath::Acceleration> wish);
  void Fail(const std::string& uid, const std::string& reason);

  datapath::Datapath& kernel_;
  ProxyPort& proxy_;
  PodHost& host_;
  const datapath::Acceleration acceleration_;
  Observations observations_;
  std::vector<PlannedPod> plan_;
  std::map<uint32_t, HeldPod> pods_;  // By id.
  std::vector<Drain> drains_;
  uint64_t drains_cut_ = 0;
  std::map<std::string, std::string> failures_;  // By uid: the last step that failed.
};

}  // namespace sluice::agent
