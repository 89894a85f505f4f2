#include "userspace/agent/pod_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/agent/pod_messages.h"
#include "userspace/base/check.h"
#include "userspace/base/log.h"

namespace sluice::agent {

void PodSet::Observe(const Resources& resources) {
  Observations now;
  for (const auto& [uid, resource] : resources.local_pods) {
    const std::string& path = resource.message->netns_path();
    // Only a namespace that is held open cannot die and leave its inode number to another one.
    const bool is_held = std::any_of(pods_.begin(), pods_.end(), [&path](const auto& entry) {
      return entry.second.plan.netns_path == path && entry.second.phase != PodPhase::kLeaving;
    });
    const auto known = observations_.find(path);
    const bool is_known = is_held && known != observations_.end();
    now.emplace(path, host_.Observe(path, is_known ? &known->second : nullptr));
  }
  observations_ = std::move(now);
}

void PodSet::Plan(const Resources& resources) {
  Observe(resources);
  std::map<std::string, PlannedPod> held;
  for (const auto& [id, pod] : pods_) {
    if (pod.phase != PodPhase::kLeaving) held.emplace(pod.plan.uid, pod.plan);
  }
  plan_ = PlanPods(resources, observations_, held, host_.home_cookie());
  for (auto& [id, pod] : pods_) {
    if (pod.phase == PodPhase::kLeaving) continue;
    const auto wanted = std::find_if(
        plan_.begin(), plan_.end(),
        [&pod = pod](const PlannedPod& planned) { return IsSameCapture(planned, pod.plan); });
    if (wanted == plan_.end()) {
      StartLeaving(pod);
    } else {
      Accelerate(pod, wanted->acceleration);
    }
  }
  std::erase_if(failures_, [this](const auto& failure) {
    return std::none_of(plan_.begin(), plan_.end(),
                        [&](const PlannedPod& pod) { return pod.uid == failure.first; });
  });
}

// Tried again with the next plan if the kernel refuses.
void PodSet::Accelerate(HeldPod& pod, std::optional<datapath::Acceleration> wish) {
  const bool is_same = pod.plan.acceleration == wish;
  std::string refusal;
  if (!is_same && pod.is_captured) {
    const absl::Status status =
        kernel_.SetAcceleration(pod.prepared.cookie, wish.value_or(acceleration_));
    refusal = std::string(status.message());
  }
  const bool is_news = refusal != pod.level_refusal;
  pod.level_refusal = refusal;
  if (refusal.empty()) {
    pod.plan.acceleration = wish;
  } else if (is_news) {
    base::LogError("cannot change a pod's acceleration",
                   {{"pod", pod.plan.uid}, {"reason", refusal}});
  }
}

void PodSet::StartLeaving(HeldPod& pod) {
  base::LogInfo("pod leaves the mesh", {{"pod", pod.plan.uid}});
  if (pod.is_captured) {
    const absl::Status status = kernel_.RemovePod(pod.prepared.cookie);
    if (!status.ok()) {
      base::LogError("cannot take a pod out of the kernel",
                     {{"pod", pod.plan.uid}, {"reason", std::string(status.message())}});
    }
    pod.is_captured = false;
  }
  // The proxy knows pods that it was told of, confirmed or not.
  const bool is_known_to_proxy = pod.phase != PodPhase::kPrepared;
  pod.phase = PodPhase::kLeaving;
  pod.must_tell_proxy = is_known_to_proxy;
}

void PodSet::Advance(bool can_add_to_proxy) {
  std::vector<uint32_t> unknown_to_proxy;
  for (auto& [id, pod] : pods_) {
    if (pod.phase != PodPhase::kLeaving) continue;
    if (!pod.must_tell_proxy && !pod.is_told) unknown_to_proxy.push_back(id);
    if (!pod.must_tell_proxy) continue;
    proxy_.Send(RemovePodMessage(id), {});
    pod.must_tell_proxy = false;
    pod.is_told = true;
  }
  for (const uint32_t id : unknown_to_proxy) FinishLeaving(id, /*may_drain=*/false);
  PrepareNew();
  if (!can_add_to_proxy) return;
  std::vector<HeldPod*> added;
  for (auto& [id, pod] : pods_) {
    if (pod.phase == PodPhase::kPrepared) added.push_back(&pod);
  }
  for (HeldPod* pod : added) AddToProxy(*pod, /*has_more=*/pod != added.back());
}

void PodSet::ReleaseUnplanned() {
  const std::vector<uint64_t> earlier = kernel_.EarlierPods();
  for (const uint64_t cookie : earlier) {
    const bool may_be_planned = std::any_of(
        plan_.begin(), plan_.end(),
        [cookie](const PlannedPod& pod) { return pod.cookie == cookie || pod.cookie == 0; });
    if (may_be_planned) continue;
    base::LogInfo("a pod of an earlier run is not in the mesh any more", {{"netns", cookie}});
    kernel_.ReleaseEarlierPod(cookie);
  }
}

void PodSet::PrepareNew() {
  for (const PlannedPod& planned : plan_) {
    if (!planned.refusal.empty() || FindActive(planned.uid) != nullptr) continue;
    const bool is_taken = std::any_of(pods_.begin(), pods_.end(), [&planned](const auto& entry) {
      return entry.second.prepared.cookie == planned.cookie;
    });
    if (is_taken) {
      Fail(planned.uid, "the proxy has not let go of this namespace's earlier pod yet");
      continue;
    }
    absl::StatusOr<PreparedNamespace> prepared = host_.Prepare(planned.netns_path, planned.cookie);
    if (!prepared.ok()) {
      Fail(planned.uid, std::string(prepared.status().message()));
      continue;
    }
    // It is the new pod's to put back now.
    std::erase_if(drains_, [&planned](const Drain& drain) {
      return drain.prepared.cookie == planned.cookie;
    });
    uint32_t id = 1;
    while (pods_.contains(id)) ++id;
    HeldPod& pod = pods_[id];
    pod.id = id;
    pod.plan = planned;
    pod.prepared = *std::move(prepared);
  }
}

void PodSet::AddToProxy(HeldPod& pod, bool has_more) {
  std::vector<SharedFd> fds;
  node::v1::ToProxy message = AddPodMessage(pod.id, pod.plan, pod.prepared, fds);
  message.mutable_add_pod()->set_has_more(has_more);
  proxy_.Send(message, std::move(fds));
  pod.phase = PodPhase::kAdding;
}

bool PodSet::PodAdded(uint32_t pod_id) {
  const auto found = pods_.find(pod_id);
  if (found == pods_.end()) return false;
  HeldPod& pod = found->second;
  if (pod.phase == PodPhase::kLeaving) return true;  // RemovePod is under way behind it.
  if (pod.phase != PodPhase::kAdding) return false;
  const absl::Status status = Capture(pod);
  if (!status.ok()) {
    Fail(pod.plan.uid, std::string(status.message()));
    StartLeaving(pod);
    return true;
  }
  pod.phase = PodPhase::kServing;
  failures_.erase(pod.plan.uid);
  base::LogInfo("pod captured",
                {{"pod", pod.plan.uid}, {"id", pod.id}, {"netns", pod.plan.netns_path}});
  return true;
}

absl::Status PodSet::Capture(HeldPod& pod) {
  if (pod.is_captured) return absl::OkStatus();  // By the time of an earlier proxy.
  const auto first = [](const std::vector<SharedFd>& fds) {
    return fds.empty() ? -1 : fds[0]->get();
  };
  datapath::PodSockets sockets;
  sockets.pod_id = pod.id;
  sockets.netns_cookie = pod.prepared.cookie;
  sockets.netns_fd = pod.prepared.fd->get();
  for (const base::IpAddress& address : pod.plan.addresses) {
    (address.is_v4() ? sockets.address_v4 : sockets.address_v6) = address;
  }
  sockets.inbound_listener_v4 = first(pod.prepared.listeners.inbound_v4);
  sockets.inbound_listener_v6 = first(pod.prepared.listeners.inbound_v6);
  sockets.acceleration = pod.plan.acceleration.value_or(acceleration_);
  SLUICE_RETURN_IF_ERROR(kernel_.EnrolPod(sockets));
  pod.is_captured = true;
  return absl::OkStatus();
}

bool PodSet::PodRemoved(uint32_t pod_id) {
  const auto found = pods_.find(pod_id);
  if (found == pods_.end() || found->second.phase != PodPhase::kLeaving) return false;
  FinishLeaving(pod_id, /*may_drain=*/true);
  return true;
}

void PodSet::FinishLeaving(uint32_t pod_id, bool may_drain) {
  const auto found = pods_.find(pod_id);
  if (found == pods_.end()) return;
  const std::string uid = found->second.plan.uid;
  PreparedNamespace prepared = std::move(found->second.prepared);
  pods_.erase(found);
  prepared.listeners = PodListeners();  // Whoever waits in them is told at once.
  if (may_drain && HopsOf(uid, prepared) > 0) {
    drains_.push_back({.uid = uid, .prepared = std::move(prepared)});
  } else {
    PutBack(uid, prepared);
  }
}

size_t PodSet::HopsOf(const std::string& uid, const PreparedNamespace& prepared) {
  const absl::StatusOr<size_t> count = host_.CountHops(prepared);
  if (count.ok()) return *count;
  base::LogWarning("the connections of a pod cannot be counted",
                   {{"pod", uid}, {"reason", std::string(count.status().message())}});
  return 1;  // Not known is not none: the route stays until the limit.
}

void PodSet::PutBack(const std::string& uid, const PreparedNamespace& prepared) {
  const absl::Status status = host_.Restore(prepared);
  if (status.ok()) return;
  base::LogWarning("a namespace could not be put back as it was",
                   {{"pod", uid}, {"reason", std::string(status.message())}});
}

void PodSet::FinishDrains(absl::Time now) {
  std::erase_if(drains_, [this, now](Drain& drain) {
    drain.since = std::min(drain.since, now);
    const size_t hops = HopsOf(drain.uid, drain.prepared);
    if (hops > 0 && now - drain.since < kHopDrainLimit) return false;
    if (hops > 0) {
      ++drains_cut_;
      base::LogWarning("connections of a pod that left the mesh have had their time",
                       {{"pod", drain.uid}, {"sockets", hops}});
    }
    PutBack(drain.uid, drain.prepared);
    return true;
  });
}

void PodSet::ProxyGone() {
  std::vector<uint32_t> leaving;
  for (auto& [id, pod] : pods_) {
    if (pod.phase == PodPhase::kLeaving) {
      leaving.push_back(id);
    } else {
      pod.phase = PodPhase::kPrepared;
    }
  }
  for (const uint32_t id : leaving) FinishLeaving(id, /*may_drain=*/false);
  PutDrainsBack();  // Their connections have ended with the proxy.
}

void PodSet::PutDrainsBack() {
  for (const Drain& drain : drains_) PutBack(drain.uid, drain.prepared);
  drains_.clear();
}

void PodSet::PutEverythingBack() {
  while (!pods_.empty()) FinishLeaving(pods_.begin()->first, /*may_drain=*/false);
  PutDrainsBack();
  plan_.clear();
}

std::vector<base::IpAddress> PodSet::CapturedAddresses() const {
  std::vector<base::IpAddress> addresses;
  for (const auto& [id, pod] : pods_) {
    if (!pod.is_captured) continue;
    addresses.insert(addresses.end(), pod.plan.addresses.begin(), pod.plan.addresses.end());
  }
  const std::vector<uint64_t> earlier = kernel_.EarlierPods();
  for (const PlannedPod& pod : plan_) {
    if (!pod.refusal.empty() || !std::binary_search(earlier.begin(), earlier.end(), pod.cookie))
      continue;
    addresses.insert(addresses.end(), pod.addresses.begin(), pod.addresses.end());
  }
  return addresses;
}

const HeldPod* PodSet::Find(uint32_t pod_id) const {
  const auto found = pods_.find(pod_id);
  return found == pods_.end() ? nullptr : &found->second;
}

HeldPod* PodSet::FindActive(const std::string& uid) {
  return const_cast<HeldPod*>(std::as_const(*this).FindActive(uid));
}

const HeldPod* PodSet::FindActive(const std::string& uid) const {
  for (const auto& [id, pod] : pods_) {
    if (pod.plan.uid == uid && pod.phase != PodPhase::kLeaving) return &pod;
  }
  return nullptr;
}

PodSet::LevelInForce PodSet::LevelOf(const PlannedPod& planned) const {
  const HeldPod* held = FindActive(planned.uid);
  const bool is_refused = held != nullptr && !held->level_refusal.empty();
  return {.requested = (is_refused ? held->plan : planned).acceleration.value_or(acceleration_),
          .refusal = is_refused ? held->level_refusal : ""};
}

bool PodSet::IsCaptured(const std::string& uid) const {
  return std::any_of(pods_.begin(), pods_.end(), [&uid](const auto& entry) {
    return entry.second.plan.uid == uid && entry.second.is_captured;
  });
}

std::string PodSet::ReasonOf(const PlannedPod& planned) const {
  if (!planned.refusal.empty()) return planned.refusal;
  for (const auto& [id, pod] : pods_) {
    if (pod.plan.uid != planned.uid || pod.phase == PodPhase::kLeaving) continue;
    if (pod.phase == PodPhase::kServing) return "";
    return pod.is_captured ? "captured; connections wait for the proxy" : "waiting for the proxy";
  }
  const auto failure = failures_.find(planned.uid);
  return failure == failures_.end() ? "not prepared yet" : failure->second;
}

void PodSet::Fail(const std::string& uid, const std::string& reason) {
  std::string& last = failures_[uid];
  if (last == reason) return;  // Tried again every second; told once.
  last = reason;
  base::LogWarning("pod not captured", {{"pod", uid}, {"reason", reason}});
}

}  // namespace sluice::agent
