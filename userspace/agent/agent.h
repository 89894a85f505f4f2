// The privileged process of a node, put together: discovery -> desired state -> kernel, proxy and
// namespaces; operators' endpoints; an orderly end. Thread: one; everything runs on its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/node.pb.h"
#include "userspace/agent/config_sync.h"
#include "userspace/agent/discovery_client.h"
#include "userspace/agent/event_loop.h"
#include "userspace/agent/machine.h"
#include "userspace/agent/network_namespace.h"
#include "userspace/agent/node_view.h"
#include "userspace/agent/operator_endpoints.h"
#include "userspace/agent/pod_host.h"
#include "userspace/agent/pod_set.h"
#include "userspace/agent/proxy_stats.h"
#include "userspace/agent/proxy_supervisor.h"
#include "userspace/agent/resources.h"
#include "userspace/agent/socket_bank.h"
#include "userspace/agent/undo_journal.h"
#include "userspace/datapath/datapath.h"

namespace sluice::agent {

struct AgentOptions {
  std::string controller_socket;
  std::string state_dir;
  std::vector<std::string> earlier_state_dirs;  // Of runs that left something or died.
  std::string node;
  std::string version;
  datapath::Acceleration acceleration = datapath::Acceleration::kOff;  // Of pods that do not say.
  uint32_t worker_count = 1;
  node::v1::AccessLogFormat access_log_format = node::v1::ACCESS_LOG_OFF;
  std::string access_log_file;  // Empty: standard error.
  node::v1::PathNormalization path_normalization = node::v1::PATH_STRICT;
  std::string proxy_path;
  uint32_t proxy_uid = 61337;
  std::string log_level = "info";  // Handed to the proxy.
  OperatorPorts ports;
};

class Agent {
 public:
  // Takes the ports, takes over what an earlier run left, loads the data path. This run captures
  // nothing yet; the pods of an earlier one stay closed until it does. On an error they still are.
  static absl::StatusOr<std::unique_ptr<Agent>> Create(const AgentOptions& options);
  ~Agent();

  // Until SIGTERM or SIGINT: stops and leaves capture in place, so that enrolled pods are closed
  // until the next run; or until SIGUSR1 (also after SIGTERM): undoes everything. The error of the
  // end, if it could not.
  absl::Status Run();
  // After Run(): pods were left closed, for the next run or for `sluicectl cleanup`.
  bool has_left_capture() const { return !undoes_; }

 private:
  explicit Agent(const AgentOptions& options);
  absl::Status Prepare();
  absl::Status PrepareProxy();
  absl::Status WatchSignals();
  void OnResources();
  void ScheduleReconcile();
  void Reconcile();
  void Housekeep();
  void SaveSnapshotSoon();
  void OnProxyMessage(const node::v1::ToAgent& message);
  void OnSocketsWanted(const node::v1::SocketsWanted& wanted);
  bool AskForNumbers();
  NodeView View() const;
  void AddPodRows(NodeView& view) const;
  void AddAgentNumbers(NodeView& view) const;
  std::vector<std::string> NotReadyReasons() const;
  void StartEnd(bool undoes);
  void FinishEnd();

  const AgentOptions options_;
  absl::Time started_at_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<OperatorEndpoints> endpoints_;
  std::unique_ptr<NamespaceSwitch> network_;
  std::unique_ptr<UndoJournal> journal_;
  std::string bpffs_dir_;
  std::unique_ptr<datapath::Datapath> kernel_;
  std::unique_ptr<PodNamespaces> namespaces_;
  std::unique_ptr<NodePodHost> host_;
  std::unique_ptr<ProxySupervisor> proxy_;
  std::unique_ptr<SocketBank> bank_;
  std::unique_ptr<PodSet> pods_;
  std::unique_ptr<ConfigSync> config_;
  Resources resources_;
  uint64_t generation_ = 1;  // Counts changes of resources_.
  std::unique_ptr<DiscoveryClient> discovery_;
  ProxyStats stats_;
  base::UniqueFd signals_;
  bool has_snapshot_ = false;  // resources_ began as the last run's.
  bool may_serve_ = false;     // The controller has answered, or the snapshot stands in for it.
  bool is_ending_ = false;
  bool has_ended_ = false;
  bool undoes_ = false;  // The end takes everything back.
  EventLoop::TimerId reconcile_timer_ = 0;
  EventLoop::TimerId save_timer_ = 0;
  uint64_t unexpected_messages_ = 0;  // From the proxy.
  absl::Status end_status_;
};

}  // namespace sluice::agent
