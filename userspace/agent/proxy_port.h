// How the rest of the agent speaks to the running proxy: messages of api/node.proto with
// descriptors.
#pragma once

#include <vector>

#include "api/node.pb.h"
#include "userspace/agent/pod_namespace.h"

namespace sluice::agent {

class ProxyPort {
 public:
  virtual ~ProxyPort() = default;
  // Queued in order; dropped if no proxy runs. Descriptors stay open until they are sent.
  virtual void Send(const node::v1::ToProxy& message, std::vector<SharedFd> fds) = 0;
};

}  // namespace sluice::agent
