#include "userspace/proxy/pod_message.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::proxy {
namespace {

absl::Status Refused(const node::v1::AddPod& message, const std::string& reason) {
  return absl::InvalidArgumentError(absl::StrCat("AddPod ", message.pod_id(), " ",
                                                 message.workload_uid(), ": ", reason,
                                                 ": agent and proxy differ in version"));
}

absl::Status CheckListeners(const node::v1::AddPod& message, uint32_t worker_count) {
  for (const node::v1::Listener& listener : message.listeners()) {
    // Which of the two it is decides what is believed of its connections: never a guess.
    if (listener.kind() != node::v1::INBOUND && listener.kind() != node::v1::OUTBOUND)
      return Refused(message, "a listener of no known kind");
    if (listener.worker() >= worker_count)
      return Refused(message, "a listener for a worker that there is not");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<LocalPodSpec>> ReadAddPod(const node::v1::AddPod& message,
                                                     std::vector<base::UniqueFd> fds,
                                                     uint32_t worker_count) {
  if (message.pod_id() == 0) return Refused(message, "0 is no pod's number");
  if (fds.size() != static_cast<size_t>(message.listeners_size())) {
    return Refused(message, std::to_string(fds.size()) + " descriptors for " +
                                std::to_string(message.listeners_size()) + " listeners");
  }
  if (absl::Status status = CheckListeners(message, worker_count); !status.ok()) return status;
  std::vector<base::IpAddress> addresses;
  for (const std::string& bytes : message.addresses()) {
    const auto address = base::IpAddress::FromBytes(bytes);
    if (!address) return Refused(message, "an address that has not 4 or 16 bytes");
    addresses.push_back(*address);
  }
  std::vector<LocalPodSpec> specs(worker_count);
  for (LocalPodSpec& spec : specs) {
    spec.pod_id = message.pod_id();
    spec.uid = message.workload_uid();
    spec.name = message.name();
    spec.namespace_name = message.namespace_();
    spec.addresses = addresses;
    spec.netns_cookie = message.netns_cookie();
    spec.has_more = message.has_more();
  }
  for (size_t i = 0; i < fds.size(); ++i) {
    const node::v1::Listener& listener = message.listeners(static_cast<int>(i));
    specs[listener.worker()].listeners.push_back(
        {.is_inbound = listener.kind() == node::v1::INBOUND, .fd = std::move(fds[i])});
  }
  return specs;
}

}  // namespace sluice::proxy
