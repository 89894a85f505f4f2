#include "controller/publish/session.h"

#include <algorithm>
#include <utility>

#include "controller/store/names.h"
#include "userspace/base/log.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

using sluice::discovery::v1::DeltaDiscoveryRequest;
using sluice::discovery::v1::DeltaDiscoveryResponse;

constexpr size_t kNodeNameSizeMax = 253;
constexpr size_t kShownErrorSizeMax = 500;
constexpr std::string_view kEverything = "*";

void AddResource(const std::string& name, const Resource& resource, std::string_view type_url,
                 DeltaDiscoveryResponse& response) {
  sluice::discovery::v1::Resource& added = *response.add_resources();
  added.set_name(name);
  added.set_version(resource.version);
  added.mutable_resource()->set_type_url(std::string(type_url));
  added.mutable_resource()->set_value(resource.bytes);
}

}  // namespace

absl::Status Session::Receive(const DeltaDiscoveryRequest& request) {
  if (node_.empty()) {
    if (request.node().id().empty() || request.node().id().size() > kNodeNameSizeMax) {
      return absl::InvalidArgumentError("the first request names no node");
    }
    node_ = request.node().id();
  }
  const auto type = std::find(kTypes.begin(), kTypes.end(), request.type_url());
  if (type == kTypes.end()) {
    // Newer nodes may ask for more than this controller has; they get no answer for it.
    ++counters_.unknown_types;
    base::LogWarning("a node asks for a type that is not served",
                     {{"node", node_}, {"type", Shortened(request.type_url(), kNodeNameSizeMax)}});
    return absl::OkStatus();
  }
  TypeState& state = types_[static_cast<size_t>(type - kTypes.begin())];
  if (!request.response_nonce().empty()) ReceiveAnswer(request, state);
  return Subscribe(request, state);
}

void Session::ReceiveAnswer(const DeltaDiscoveryRequest& request, TypeState& state) {
  if (request.response_nonce() != state.nonce) {
    ++counters_.stale_nonces;
    return;
  }
  state.nonce.clear();
  if (!request.has_error_detail()) {
    ++counters_.acks;
    return;
  }
  ++counters_.nacks;
  base::LogWarning("a node refuses configuration",
                   {{"node", node_},
                    {"type", request.type_url()},
                    {"reason", Shortened(request.error_detail().message(), kShownErrorSizeMax)}});
}

absl::Status Session::Subscribe(const DeltaDiscoveryRequest& request, TypeState& state) {
  const bool is_first = !state.is_subscribed;
  state.is_subscribed = true;
  if (is_first) {
    for (const auto& [name, version] : request.initial_resource_versions()) {
      state.versions.emplace(name, version);
    }
    state.owes_response = true;
    // As in xDS: a first request without names asks for everything.
    state.is_wildcard = request.resource_names_subscribe().empty();
  }
  for (const std::string& name : request.resource_names_subscribe()) {
    state.owes_response = true;
    if (name == kEverything) {
      state.is_wildcard = true;
    } else {
      state.names.insert(name);
      state.unanswered.insert(name);
    }
  }
  for (const std::string& name : request.resource_names_unsubscribe()) {
    if (name == kEverything) state.is_wildcard = false;
    state.names.erase(name);
    state.unanswered.erase(name);
    // The node forgets it by itself and must be sent it again if it asks again.
    if (!state.is_wildcard) state.versions.erase(name);
  }
  if (state.names.size() + state.versions.size() > kNamesPerClientMax) {
    return absl::ResourceExhaustedError(
        base::Concat("the node holds more than ", kNamesPerClientMax, " names"));
  }
  return absl::OkStatus();
}

std::vector<DeltaDiscoveryResponse> Session::Respond(const ResourceSet& resources) {
  std::vector<DeltaDiscoveryResponse> out;
  for (size_t type = 0; type < kTypes.size(); ++type) {
    TypeState& state = types_[type];
    if (!state.is_subscribed || !state.nonce.empty()) continue;
    std::optional<DeltaDiscoveryResponse> response =
        RespondForType(resources.by_type[type], kTypes[type], resources.version, state);
    if (response.has_value()) out.push_back(*std::move(response));
  }
  return out;
}

std::optional<DeltaDiscoveryResponse> Session::RespondForType(const ResourcesByName& resources,
                                                              std::string_view type_url,
                                                              uint64_t version, TypeState& state) {
  DeltaDiscoveryResponse response;
  size_t size = 0;
  const auto offer = [&](const std::string& name, const Resource& resource) {
    if (size >= kResponseSizeTarget) return;
    std::string& known = state.versions[name];
    state.unanswered.erase(name);
    if (known == resource.version) return;
    known = resource.version;
    size += resource.bytes.size() + name.size();
    AddResource(name, resource, type_url, response);
  };
  if (state.is_wildcard) {
    for (const auto& [name, resource] : resources) offer(name, resource);
  } else {
    for (const std::string& name : state.names) {
      if (const auto it = resources.find(name); it != resources.end()) offer(name, it->second);
    }
  }
  for (auto it = state.versions.begin(); it != state.versions.end();) {
    const bool is_wanted = state.is_wildcard || state.names.contains(it->first);
    if (is_wanted && resources.contains(it->first)) {
      ++it;
      continue;
    }
    response.add_removed_resources(it->first);
    it = state.versions.erase(it);
  }
  for (const std::string& name : state.unanswered) {  // Asked for, and there is no such thing.
    if (!resources.contains(name)) response.add_removed_resources(name);
  }
  std::erase_if(state.unanswered,
                [&](const std::string& name) { return !resources.contains(name); });
  const bool is_empty = response.resources().empty() && response.removed_resources().empty();
  if (is_empty && !state.owes_response) return std::nullopt;
  state.owes_response = false;
  state.nonce = std::to_string(next_nonce_++);
  response.set_nonce(state.nonce);
  response.set_type_url(std::string(type_url));
  response.set_system_version_info(std::to_string(version));
  ++counters_.responses;
  counters_.resources += static_cast<uint64_t>(response.resources_size());
  return response;
}

}  // namespace sluice::controller
