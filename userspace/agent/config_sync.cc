#include "userspace/agent/config_sync.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/base/log.h"

namespace sluice::agent {
namespace {

uint64_t ResourceCount(const node::v1::ConfigDelta& part) {
  return static_cast<uint64_t>(part.addresses_size() + part.removed_addresses_size() +
                               part.route_tables_size() + part.removed_route_tables_size());
}

}  // namespace

void ConfigSync::ProxyReady() {
  is_proxy_ready_ = true;
  has_proxy_config_ = false;
  held_ = Resources();
  pending_.reset();
  refused_generation_ = 0;
}

void ConfigSync::ProxyGone() {
  ProxyReady();
  is_proxy_ready_ = false;
  is_settled_ = false;
}

bool ConfigSync::Applied(uint64_t version, const std::string& error) {
  if (!pending_.has_value() || pending_->version != version) return false;
  if (error.empty()) {
    held_ = pending_->resources;
    confirmed_ = std::move(pending_->resources);
    confirmed_version_ = version;
    confirmed_generation_ = pending_->generation;
    has_proxy_config_ = true;
    error_.clear();
  } else {
    refused_generation_ = pending_->generation;
    error_ = absl::StrCat("the proxy refused configuration ", version, ": ", error);
    base::LogError("configuration refused by the proxy; the last one stays",
                   {{"version", version}, {"reason", error}});
  }
  pending_.reset();
  return true;
}

void ConfigSync::SyncKernel(const Resources& resources,
                            const std::vector<base::IpAddress>& pod_addresses) {
  std::vector<datapath::Destination> desired =
      CommonDestinations(ComputeDesiredDestinations(resources.addresses, pod_addresses),
                         ComputeDesiredDestinations(confirmed_.addresses, pod_addresses));
  if (synced_.has_value() && *synced_ == desired) return;
  const absl::StatusOr<datapath::MapChange> change = kernel_.SyncDestinations(desired);
  if (!change.ok()) {
    synced_.reset();  // Whatever is in the kernel now, the next step compares and tries again.
    std::string error = absl::StrCat("destinations in the kernel: ", change.status().message());
    if (error == error_) return;  // Tried twice a second; said once.
    error_ = std::move(error);
    base::LogError("cannot write the destinations to the kernel", {{"reason", error_}});
    return;
  }
  base::LogDebug("destinations written",
                 {{"written", change->written}, {"deleted", change->deleted}});
  synced_ = std::move(desired);
}

void ConfigSync::SendChange(const Resources& resources, uint64_t generation) {
  ConfigParts change = ComputeConfigParts(resources, held_, last_version_ + 1);
  for (const std::string& name : change.too_large) {
    base::LogError("resource left out: it does not fit a message to the proxy",
                   {{"name", name}, {"size_max", kPartSizeMax}});
  }
  if (change.parts.empty()) {
    if (has_proxy_config_) {
      confirmed_generation_ = generation;  // The change was in other types.
      return;
    }
    // An empty mesh is a configuration too: the proxy must confirm it before pods are given to it.
    auto* config = change.parts.emplace_back().mutable_config();
    config->set_version(last_version_ + 1);
    config->set_is_last(true);
  }
  Pending pending;
  pending.version = ++last_version_;
  pending.generation = generation;
  pending.resources.addresses = resources.addresses;
  pending.resources.route_tables = resources.route_tables;
  for (const node::v1::ToProxy& part : change.parts) {
    sent_resource_count_ += ResourceCount(part.config());
    proxy_.Send(part, {});
  }
  pending_ = std::move(pending);
}

void ConfigSync::Step(const Resources& resources, uint64_t generation,
                      const std::vector<base::IpAddress>& pod_addresses) {
  SyncKernel(resources, pod_addresses);
  const bool is_new = !has_proxy_config_ || confirmed_generation_ != generation;
  if (is_proxy_ready_ && !pending_.has_value() && is_new && refused_generation_ != generation) {
    SendChange(resources, generation);
  }
  is_settled_ = is_proxy_ready_ && has_proxy_config_ && !pending_.has_value() &&
                confirmed_generation_ == generation && synced_.has_value();
}

}  // namespace sluice::agent
