#include "userspace/agent/pod_messages.h"

namespace sluice::agent {
namespace {

struct ListenerRole {
  node::v1::ListenerKind kind;
  node::v1::Family family;
};

void AddListeners(const ListenerRole& role, const std::vector<SharedFd>& group,
                  node::v1::AddPod& message, std::vector<SharedFd>& fds) {
  for (size_t worker = 0; worker < group.size(); ++worker) {
    auto* listener = message.add_listeners();
    listener->set_kind(role.kind);
    listener->set_family(role.family);
    listener->set_worker(static_cast<uint32_t>(worker));
    fds.push_back(group[worker]);
  }
}

}  // namespace

node::v1::ToProxy AddPodMessage(uint32_t pod_id, const PlannedPod& pod,
                                const PreparedNamespace& prepared, std::vector<SharedFd>& fds) {
  node::v1::ToProxy message;
  node::v1::AddPod& add = *message.mutable_add_pod();
  add.set_pod_id(pod_id);
  add.set_workload_uid(pod.uid);
  add.set_name(pod.name);
  add.set_namespace_(pod.namespace_name);
  for (const base::IpAddress& address : pod.addresses) add.add_addresses(address.ToBytes());
  add.set_netns_cookie(prepared.cookie);
  AddListeners({node::v1::OUTBOUND, node::v1::IPV4}, prepared.listeners.outbound_v4, add, fds);
  AddListeners({node::v1::OUTBOUND, node::v1::IPV6}, prepared.listeners.outbound_v6, add, fds);
  AddListeners({node::v1::INBOUND, node::v1::IPV4}, prepared.listeners.inbound_v4, add, fds);
  AddListeners({node::v1::INBOUND, node::v1::IPV6}, prepared.listeners.inbound_v6, add, fds);
  return message;
}

node::v1::ToProxy RemovePodMessage(uint32_t pod_id) {
  node::v1::ToProxy message;
  message.mutable_remove_pod()->set_pod_id(pod_id);
  return message;
}

}  // namespace sluice::agent
