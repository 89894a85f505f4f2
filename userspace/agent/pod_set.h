// The pods of this node, each somewhere on its way:
//   planned -> kPrepared -> kAdding -> kServing          (prepare namespace; AddPod, PodAdded;
//   kernel capture) any     -> kLeaving -> gone                          (kernel first; RemovePod,
//   PodRemoved; namespace put back) a proxy that ends sends kAdding and kServing back to kPrepared;
//   captured pods stay captured, connections wait.
// A pod whose step fails is not captured, with a reason, and is tried again at the next Step().
// Borrows: the three rims, which outlive it. Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

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
  bool is_captured = false;      // In the kernel.
  bool must_tell_proxy = false;  // Leaving: RemovePod is not sent yet.
  bool is_told = false;          // Leaving: RemovePod is sent; PodRemoved ends it.
};

class PodSet {
 public:
  PodSet(datapath::Datapath& kernel, ProxyPort& proxy, PodHost& host)
      : kernel_(kernel), proxy_(proxy), host_(host) {}

  // Looks at the namespaces and makes the plan. Pods that must go leave the kernel now, the proxy
  // in Advance(): between the two the caller brings the kernel's destinations up to date.
  void Plan(const Resources& resources);
  void Advance(bool can_add_to_proxy);

  // False: not expected from this proxy; nothing changes.
  bool PodAdded(uint32_t pod_id);
  bool PodRemoved(uint32_t pod_id);
  void ProxyGone();

  // The end: the kernel captures nothing any more and the proxy is gone; every namespace is put
  // back.
  void PutEverythingBack();

  // Of captured pods.
  std::vector<base::IpAddress> CapturedAddresses() const;
  const HeldPod* Find(uint32_t pod_id) const;
  const std::vector<PlannedPod>& plan() const { return plan_; }
  // Why the pod is not serving; empty if it is.
  std::string ReasonOf(const PlannedPod& pod) const;
  bool IsCaptured(const std::string& uid) const;

 private:
  HeldPod* FindActive(const std::string& uid);
  void Observe(const Resources& resources);
  void StartLeaving(HeldPod& pod);
  void FinishLeaving(uint32_t pod_id);
  void PrepareNew();
  void AddToProxy(HeldPod& pod);
  absl::Status Capture(HeldPod& pod);
  void Fail(const std::string& uid, const std::string& reason);

  datapath::Datapath& kernel_;
  ProxyPort& proxy_;
  PodHost& host_;
  Observations observations_;
  std::vector<PlannedPod> plan_;
  std::map<uint32_t, HeldPod> pods_;             // By id.
  std::map<std::string, std::string> failures_;  // By uid: the last step that failed.
};

}  // namespace sluice::agent
