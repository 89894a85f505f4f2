// What the agent tells about itself and the node.
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/agent/agent.h"

namespace sluice::agent {
namespace {

// A node that began with its snapshot is ready without the controller only after it had time to
// answer: the snapshot may be of another mesh.
constexpr absl::Duration kSnapshotReadyDelay = absl::Seconds(3);

AccelerationView AccelerationOf(const datapath::Datapath& kernel, datapath::Acceleration requested,
                                const char* reason_if_off) {
  const datapath::LevelChoice choice = kernel.ChooseLevel(requested);
  const bool is_off = requested == datapath::Acceleration::kOff;
  return {.requested = requested,
          .level = choice.level,
          .reason = is_off ? reason_if_off : choice.reason};
}

AccelerationView PodAccelerationOf(const datapath::Datapath& kernel, datapath::Acceleration wish,
                                   const PodSet::LevelInForce& level, const char* reason_if_off) {
  if (level.refusal.empty()) return AccelerationOf(kernel, wish, reason_if_off);
  return {.requested = wish,
          .level = kernel.ChooseLevel(level.requested).level,
          .is_refused = true,
          .reason = absl::StrCat("the kernel did not take the change, which is tried again: ",
                                 level.refusal)};
}

}  // namespace

NodeView Agent::View() const {
  NodeView view;
  view.node = options_.node;
  view.version = options_.version;
  view.kernel = KernelRelease();
  view.not_ready = NotReadyReasons();
  if (kernel_ != nullptr) {
    view.acceleration = AccelerationOf(*kernel_, options_.acceleration, "not requested");
    view.acceleration_max = kernel_->ChooseLevel(datapath::Acceleration::kFull).level;
    view.probes = kernel_->probes();
    view.kernel_counters = kernel_->ReadCounters();
    view.map_writes = kernel_->MapWrites();
  }
  view.proxy_numbers = stats_.latest();
  if (stats_.latest().taken_at != absl::InfinitePast()) {
    view.proxy_numbers_age_s = absl::ToDoubleSeconds(SteadyNow() - stats_.latest().taken_at);
  }
  view.proxy_pid = proxy_->pid();
  view.proxy_state = ProxyStateName(proxy_->state());
  view.proxy_restart_count = proxy_->restart_count();
  view.is_controller_connected = discovery_->is_connected();
  view.controller_reason = discovery_->reason();
  view.config_version = config_->version();
  for (const auto& [name, resource] : resources_.addresses) {
    ++(resource.message->has_service() ? view.service_count : view.workload_count);
  }
  view.route_table_count = resources_.route_tables.size();
  for (const auto& [name, resource] : resources_.problems)
    view.problems.push_back(*resource.message);
  AddPodRows(view);
  AddAgentNumbers(view);
  return view;
}

void Agent::AddPodRows(NodeView& view) const {
  for (const PlannedPod& pod : pods_->plan()) {
    PodRow row;
    row.uid = pod.uid;
    row.namespace_name = pod.namespace_name;
    row.name = pod.name;
    for (const base::IpAddress& address : pod.addresses)
      row.addresses.push_back(address.ToString());
    row.netns_path = pod.netns_path;
    row.is_captured = pods_->IsCaptured(pod.uid);
    row.reason = pods_->ReasonOf(pod);
    row.has_own_wish = pod.acceleration.has_value();
    row.acceleration = PodAccelerationOf(
        *kernel_, pod.acceleration.value_or(options_.acceleration), pods_->LevelOf(pod),
        row.has_own_wish ? "the pod's annotation says off" : "not requested");
    view.pods.push_back(std::move(row));
  }
}

void Agent::AddAgentNumbers(NodeView& view) const {
  const auto counter = [&view](const char* name, const char* help, uint64_t value) {
    view.agent_numbers.push_back({name, help, static_cast<double>(value), false});
  };
  const auto gauge = [&view](const char* name, const char* help, size_t value) {
    view.agent_numbers.push_back({name, help, static_cast<double>(value), true});
  };
  gauge("sluice_pods_held_closed",
        "Pods that an earlier run captured and this one has not taken over.",
        kernel_ == nullptr ? 0 : kernel_->EarlierPods().size());
  gauge("sluice_pods_draining",
        "Pods that left the mesh and whose connections through the proxy live on.",
        pods_->draining_count());
  counter("sluice_agent_pod_drains_cut_total",
          "Pods that left the mesh and whose connections outlived the limit.", pods_->drains_cut());
  counter("sluice_agent_discovery_connects_total", "Streams opened to the controller.",
          discovery_->counters().connects);
  counter("sluice_agent_discovery_responses_total", "Responses taken from the controller.",
          discovery_->counters().responses);
  counter("sluice_agent_discovery_rejections_total", "Responses of which a part was refused.",
          discovery_->counters().rejections);
  counter("sluice_agent_discovery_resources_total",
          "Resources put or removed by responses from the controller.",
          discovery_->counters().resources);
  counter("sluice_agent_config_resources_total",
          "Resources put or removed by configurations sent to the proxy.",
          config_->sent_resource_count());
  counter("sluice_agent_dial_sockets_total", "Sockets made for the proxy inside pods.",
          bank_->counters().handed);
  counter("sluice_agent_dial_requests_refused_total", "Requests for sockets that made no sense.",
          bank_->counters().refused_requests);
  counter("sluice_agent_dial_requests_capped_total", "Requests for sockets past the rate limit.",
          bank_->counters().capped_requests);
  counter("sluice_agent_dial_requests_failed_total",
          "Requests for sockets that the kernel refused.", bank_->counters().failed_requests);
  counter("sluice_agent_proxy_packets_malformed_total",
          "Packets from the proxy that could not be read.", proxy_->malformed_count());
  counter("sluice_agent_proxy_messages_unexpected_total",
          "Messages from the proxy that did not fit its state.", unexpected_messages_);
  counter("sluice_agent_proxy_rows_refused_total",
          "Numbers from the proxy with an illegal name, label or value.", stats_.refused_rows());
}

std::vector<std::string> Agent::NotReadyReasons() const {
  std::vector<std::string> reasons;
  if (is_ending_) return {"the agent is ending"};
  const bool has_waited = SteadyNow() - started_at_ > kSnapshotReadyDelay;
  if (!discovery_->is_complete() && !(has_snapshot_ && has_waited)) {
    reasons.push_back(absl::StrCat("no configuration from the controller yet",
                                   discovery_->reason().empty() ? "" : ": ", discovery_->reason()));
  }
  if (proxy_->state() != ProxyState::kReady) {
    reasons.push_back(absl::StrCat("proxy: ", ProxyStateName(proxy_->state()),
                                   proxy_->last_end().empty() ? "" : "; the last one ended by ",
                                   proxy_->last_end()));
  } else if (!config_->is_settled()) {
    reasons.push_back(config_->error().empty() ? "configuration is on its way" : config_->error());
  }
  if (const size_t count = kernel_ == nullptr ? 0 : kernel_->EarlierPods().size(); count > 0) {
    reasons.push_back(
        absl::StrCat(count,
                     " of the pods that an earlier run captured are closed until they are "
                     "captured again or the controller says that they are gone"));
  }
  for (const PlannedPod& pod : pods_->plan()) {
    const std::string reason = pods_->ReasonOf(pod);
    if (!reason.empty()) reasons.push_back(absl::StrCat("pod ", pod.uid, ": ", reason));
  }
  return reasons;
}

}  // namespace sluice::agent
