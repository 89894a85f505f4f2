// One look at the node, as values: what status, readiness and metrics are made from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/discovery.pb.h"
#include "userspace/agent/proxy_stats.h"
#include "userspace/datapath/datapath.h"

namespace sluice::agent {

struct AccelerationView {
  datapath::Acceleration requested = datapath::Acceleration::kOff;
  datapath::Acceleration level = datapath::Acceleration::kOff;
  bool is_refused = false;  // The kernel did not take what is requested: `level` is from before.
  std::string reason;       // Why the level is not higher, or is another; empty at full.
};

struct PodRow {
  std::string uid;
  std::string namespace_name;
  std::string name;
  std::vector<std::string> addresses;
  std::string netns_path;
  bool is_captured = false;
  std::string reason;  // Why it is not served; empty if it is.
  AccelerationView acceleration;
  bool has_own_wish = false;  // The acceleration asked for is the pod's own wish, not the node's.
};

struct NamedNumber {
  std::string name;
  std::string help;
  double value = 0;
  bool is_gauge = false;
};

struct NodeView {
  std::string node;
  std::string version;
  std::string kernel;
  AccelerationView acceleration;  // Of pods that do not wish another.
  datapath::Acceleration acceleration_max = datapath::Acceleration::kOff;  // Safe on this kernel.
  std::vector<datapath::ProbeResult> probes;
  std::vector<PodRow> pods;
  std::vector<datapath::KernelCounter> kernel_counters;
  std::vector<datapath::KernelCounter> map_writes;
  std::vector<NamedNumber> agent_numbers;  // The agent's own counters and gauges.
  ProxyNumbers proxy_numbers;
  double proxy_numbers_age_s = -1;  // Below 0: there are none.
  int proxy_pid = 0;
  std::string proxy_state;
  uint64_t proxy_restart_count = 0;
  bool is_controller_connected = false;
  std::string controller_reason;
  uint64_t config_version = 0;
  size_t service_count = 0;
  size_t workload_count = 0;
  size_t route_table_count = 0;
  std::vector<discovery::v1::ObjectProblem> problems;
  std::vector<std::string> not_ready;  // Empty: ready.
};

}  // namespace sluice::agent
