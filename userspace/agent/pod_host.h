// What the pod set needs of the machine: namespaces looked at, prepared and put back.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/agent/pod_namespace.h"
#include "userspace/agent/pod_plan.h"

namespace sluice::agent {

class PodHost {
 public:
  virtual ~PodHost() = default;
  // What the path leads to now; `known` is the last answer for it, or null if that may be out of
  // date.
  virtual NamespaceObservation Observe(const std::string& path,
                                       const NamespaceObservation* known) = 0;
  virtual absl::StatusOr<PreparedNamespace> Prepare(const std::string& path, uint64_t cookie) = 0;
  virtual absl::Status Restore(const PreparedNamespace& prepared) = 0;
  // Sockets in the namespace that are part of a connection through the proxy.
  virtual absl::StatusOr<size_t> CountHops(const PreparedNamespace& prepared) = 0;
  virtual uint64_t home_cookie() const = 0;
};

// The real one. Borrows both, which outlive it.
class NodePodHost : public PodHost {
 public:
  NodePodHost(const NamespaceSwitch& network, PodNamespaces& namespaces, uint32_t worker_count)
      : network_(network), namespaces_(namespaces), worker_count_(worker_count) {}

  NamespaceObservation Observe(const std::string& path, const NamespaceObservation* known) override;
  absl::StatusOr<PreparedNamespace> Prepare(const std::string& path, uint64_t cookie) override;
  absl::Status Restore(const PreparedNamespace& prepared) override;
  absl::StatusOr<size_t> CountHops(const PreparedNamespace& prepared) override;
  uint64_t home_cookie() const override { return network_.home_cookie(); }

 private:
  const NamespaceSwitch& network_;
  PodNamespaces& namespaces_;
  const uint32_t worker_count_;
};

}  // namespace sluice::agent
