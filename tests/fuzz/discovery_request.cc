// What a node gone wrong could send the controller. Its framing agrees with the agent's, pieces of
// any size give the same messages, and a session sends only what was asked for and exists, one
// response at a time for each type.
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/publish/frame.h"
#include "controller/publish/session.h"
#include "userspace/agent/discovery_frame.h"
#include "userspace/base/check.h"

namespace {

using namespace sluice::controller;
using sluice::discovery::v1::DeltaDiscoveryRequest;
using sluice::discovery::v1::DeltaDiscoveryResponse;

std::vector<std::string> ByController(std::string_view bytes, size_t step) {
  std::vector<std::string> messages;
  std::string buffer;
  for (size_t i = 0; i < bytes.size(); i += step) {
    buffer.append(bytes.substr(i, step));
    while (true) {
      size_t consumed = 0;
      const auto message = NextFrame(buffer, sluice::agent::kFrameSizeMax, consumed);
      if (!message.ok()) return messages;
      if (!message->has_value()) break;
      messages.emplace_back(**message);
      buffer.erase(0, consumed);
    }
  }
  return messages;
}

std::vector<std::string> ByAgent(std::string_view bytes) {
  sluice::agent::FrameDecoder decoder;
  decoder.Append(bytes);
  std::vector<std::string> messages;
  std::string_view message;
  while (true) {
    const auto has_message = decoder.Next(message);
    if (!has_message.ok() || !*has_message) return messages;
    messages.emplace_back(message);
  }
}

ResourceSet SomeResources() {
  ResourceSet set;
  set.version = 1;
  for (ResourcesByName& resources : set.by_type) {
    for (const char* name : {"a", "b", "c"}) resources[name] = {.version = name, .bytes = "x"};
  }
  return set;
}

// A session and what it may do.
class Watched {
 public:
  bool Receive(const DeltaDiscoveryRequest& request) {
    if (!session_.Receive(request).ok()) return false;
    for (size_t type = 0; type < kTypes.size(); ++type) {
      if (kTypes[type] != request.type_url()) continue;
      is_subscribed_[type] = true;
      if (request.response_nonce() == in_flight_[type]) in_flight_[type].clear();
    }
    return true;
  }

  void Respond() {
    for (const DeltaDiscoveryResponse& response : session_.Respond(resources_)) Check(response);
    SLUICE_CHECK(session_.Respond(resources_).empty());
  }

 private:
  void Check(const DeltaDiscoveryResponse& response) {
    size_t type = 0;
    while (kTypes[type] != response.type_url()) SLUICE_CHECK(++type < kTypes.size());
    SLUICE_CHECK(is_subscribed_[type] && in_flight_[type].empty());
    SLUICE_CHECK(!response.nonce().empty() && nonces_.insert(response.nonce()).second);
    in_flight_[type] = response.nonce();
    const ResourcesByName& known = resources_.by_type[type];
    for (const auto& resource : response.resources()) {
      const auto found = known.find(resource.name());
      SLUICE_CHECK(found != known.end() && found->second.version == resource.version());
      SLUICE_CHECK(found->second.bytes == resource.resource().value());
    }
  }

  const ResourceSet resources_ = SomeResources();
  PublishCounters counters_;
  Session session_{counters_};
  std::array<bool, kTypes.size()> is_subscribed_{};
  std::array<std::string, kTypes.size()> in_flight_;
  std::set<std::string> nonces_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 16384) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> messages = ByController(bytes, size + 1);
  SLUICE_CHECK(ByController(bytes, 1) == messages);
  SLUICE_CHECK(ByAgent(bytes) == messages);
  std::string framed;
  for (const std::string& message : messages) AppendFrame(message, framed);
  SLUICE_CHECK(bytes.starts_with(framed));
  Watched watched;
  for (const std::string& message : messages) {
    DeltaDiscoveryRequest request;
    if (!request.ParseFromString(message) || !watched.Receive(request)) return 0;
    watched.Respond();
  }
  return 0;
}
