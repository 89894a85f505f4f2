// Workloads and services as validated values: what SnapshotBuilder keeps of an Address resource.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/workload.pb.h"
#include "userspace/base/address.h"
#include "userspace/model/snapshot.h"

namespace sluice::model {

struct ServiceSpec {
  struct Port {
    uint16_t port = 0;
    Protocol protocol = Protocol::kAuto;  // As declared.
    friend bool operator==(const Port&, const Port&) = default;
  };
  std::string name;  // "namespace/hostname".
  std::vector<base::IpAddress> addresses;
  std::vector<Port> ports;  // By number, each once.
  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

struct WorkloadSpec {
  std::string uid;
  std::string name;
  std::string namespace_name;
  std::vector<base::IpAddress> addresses;  // Each once.
  bool is_healthy = false;
  // By service name: the target port of each Service port.
  std::map<std::string, std::map<uint16_t, uint16_t>> services;
  friend bool operator==(const WorkloadSpec&, const WorkloadSpec&) = default;
};

// Errors: kInvalidArgument with the field and the offending value.
absl::StatusOr<ServiceSpec> ParseService(const istio::workload::Service& service);
absl::StatusOr<WorkloadSpec> ParseWorkload(const istio::workload::Workload& workload);

}  // namespace sluice::model
