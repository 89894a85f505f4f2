// Makes a pod's namespace ready for capture: listeners, sysctls, reply rule and route; and puts it
// back. All or nothing: what was done before a failure is undone. Every change outside is in the
// journal before it is made. Thread: one. Needs CAP_NET_ADMIN and CAP_SYS_ADMIN.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/agent/network_namespace.h"
#include "userspace/agent/undo_journal.h"
#include "userspace/base/unique_fd.h"

namespace sluice::agent {

using SharedFd = std::shared_ptr<const base::UniqueFd>;

// One socket per worker in each list, all of one SO_REUSEPORT group; empty if the namespace has no
// such family.
struct PodListeners {
  std::vector<SharedFd> outbound_v4;
  std::vector<SharedFd> outbound_v6;
  std::vector<SharedFd> inbound_v4;
  std::vector<SharedFd> inbound_v6;
};

struct PreparedNamespace {
  SharedFd fd;  // Keeps the namespace alive.
  uint64_t cookie = 0;
  PodListeners listeners;
};

inline constexpr int kListenBacklog = 4096;

class PodNamespaces {
 public:
  // Borrows both, which outlive it.
  PodNamespaces(const NamespaceSwitch& network, UndoJournal& journal)
      : network_(network), journal_(journal) {}

  // Opens `path`; fails if it is not the namespace with this cookie any more.
  absl::StatusOr<PreparedNamespace> Prepare(const std::string& path, uint64_t cookie,
                                            uint32_t worker_count);
  // Puts sysctls, rule and route back. The caller closes the listeners.
  absl::Status Restore(const PreparedNamespace& prepared);
  // The same for what an earlier run left; namespaces that are gone need nothing.
  void RestoreEarlier(const UndoList& earlier);

 private:
  const NamespaceSwitch& network_;
  UndoJournal& journal_;
};

}  // namespace sluice::agent
