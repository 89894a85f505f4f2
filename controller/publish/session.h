// What one node has been told: the delta protocol without any socket. Feed it requests and new
// resource sets, send the responses it makes.
//
// Per type: one response in flight; the next waits for its ACK or NACK. A refused resource is not
// sent again until its content changes. The first response to a subscription is sent even when it
// is empty: the node then knows that it has everything. Thread: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/discovery.pb.h"
#include "controller/publish/resources.h"

namespace sluice::controller {

inline constexpr size_t kNamesPerClientMax = 1000000;
// A response ends when it has reached this size; what is left follows after its ACK.
inline constexpr size_t kResponseSizeTarget = size_t{16} << 20;

struct PublishCounters {
  uint64_t connections = 0;
  uint64_t refused_connections = 0;
  uint64_t dropped_connections = 0;  // Broken protocol, or too slow.
  uint64_t responses = 0;
  uint64_t resources = 0;
  uint64_t acks = 0;
  uint64_t nacks = 0;
  uint64_t stale_nonces = 0;
  uint64_t unknown_types = 0;
};

class Session {
 public:
  explicit Session(PublishCounters& counters) : counters_(counters) {}

  // Errors: the request breaks the protocol; the connection is to be dropped.
  absl::Status Receive(const sluice::discovery::v1::DeltaDiscoveryRequest& request);
  // The responses that may be sent now.
  std::vector<sluice::discovery::v1::DeltaDiscoveryResponse> Respond(const ResourceSet& resources);

  const std::string& node() const { return node_; }

 private:
  struct TypeState {
    bool is_subscribed = false;
    bool is_wildcard = false;
    bool owes_response = false;
    std::set<std::string> names;                  // Asked for by name.
    std::set<std::string> unanswered;             // Of those, not yet answered.
    std::map<std::string, std::string> versions;  // What the node has, or has in flight.
    std::string nonce;                            // Of the response in flight; empty: none.
  };

  void ReceiveAnswer(const sluice::discovery::v1::DeltaDiscoveryRequest& request, TypeState& state);
  absl::Status Subscribe(const sluice::discovery::v1::DeltaDiscoveryRequest& request,
                         TypeState& state);
  std::optional<sluice::discovery::v1::DeltaDiscoveryResponse> RespondForType(
      const ResourcesByName& resources, std::string_view type_url, uint64_t version,
      TypeState& state);

  PublishCounters& counters_;
  std::string node_;
  std::array<TypeState, kTypes.size()> types_;
  uint64_t next_nonce_ = 1;
};

}  // namespace sluice::controller
