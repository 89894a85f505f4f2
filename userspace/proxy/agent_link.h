// The proxy's main thread: speaks with the agent (api/node.proto), builds configurations, feeds the
// workers, answers for their counters. Thread: main. Ends when the agent closes its end: a proxy
// without an agent has no future.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "api/node.pb.h"
#include "userspace/base/unique_fd.h"
#include "userspace/io/mailbox.h"
#include "userspace/model/snapshot_builder.h"
#include "userspace/proxy/backend_names.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

// Makes the look-up of original destinations from the descriptor of the agent's map.
using LookupFactory = std::function<OriginalDestinationLookup(base::UniqueFd map)>;

class AgentLink {
 public:
  AgentLink(base::UniqueFd socket, LookupFactory make_lookup);
  ~AgentLink();

  // Serves until the agent goes or a drain is over. Errors: the socket, the ring, a message that
  // cannot be understood.
  absl::Status Run();
  // Why Run ended: no worker can be started on this host.
  bool is_host_unfit() const { return is_host_unfit_; }

 private:
  using KeyTuple = std::tuple<uint32_t, uint8_t, bool>;  // Of a DialSocketKey, for hashing.

  bool MayReadPackets();
  absl::Status HandlePacket();
  absl::Status Handle(const node::v1::ToProxy& message, std::vector<base::UniqueFd> fds);
  absl::Status Configure(const node::v1::Configure& configure, std::vector<base::UniqueFd> fds);
  absl::Status AddPod(const node::v1::AddPod& pod, std::vector<base::UniqueFd> fds);
  void RemovePod(uint32_t pod_id);
  void TakeConfig(const node::v1::ConfigDelta& delta);
  void PublishConfig(uint64_t version);
  void TakeDialSockets(const node::v1::DialSockets& message, std::vector<base::UniqueFd> fds);
  void AskForSockets(uint32_t worker, const DialSocketKey& key, uint32_t count);
  void SendStats(uint64_t id);
  void StartDrain(uint32_t deadline_ms);
  void Send(const node::v1::ToAgent& message);
  // Runs `done` on this thread once every worker has run what was posted to it before.
  void AfterAllWorkers(std::function<void()> done);

  base::UniqueFd socket_;
  LookupFactory make_lookup_;
  io::Mailbox mailbox_;
  std::vector<std::unique_ptr<Worker>> workers_;
  base::UniqueFd access_log_;
  model::SnapshotBuilder builder_;
  BackendNames names_;
  http::PathNormalisation path_level_ = http::PathNormalisation::kStrict;
  std::shared_ptr<const RuntimeConfig> config_;
  absl::flat_hash_map<KeyTuple, std::vector<uint32_t>>
      sockets_asked_;  // Workers, in the order they asked.
  bool is_behind_ = false;
  bool is_host_unfit_ = false;
  uint64_t drain_deadline_ns_ = 0;
};

}  // namespace sluice::proxy
