// What connections to pods' own addresses taught about ports that declare nothing. Each memory
// begins with what holds where nothing is known of a pod's port: it is dialled at once.
// Bounds: kPodPortsRemembered; the one that was not asked for longest makes way. Thread: one
// worker.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "userspace/base/address.h"
#include "userspace/proxy/port_memory.h"

namespace sluice::proxy {

class PodPortMemories {
 public:
  explicit PodPortMemories(size_t count_max) : count_max_(count_max) {}

  // `workload_uid`: of the pod that has the address now; one that had it before taught nothing.
  // *has_forgotten: another port made way.
  std::shared_ptr<PortMemory> Of(const base::SocketAddress& port, std::string_view workload_uid,
                                 bool* has_forgotten);
  size_t count() const { return places_.size(); }

 private:
  struct Entry {
    base::SocketAddress port;
    std::string workload_uid;
    std::shared_ptr<PortMemory> memory;
  };

  const size_t count_max_;
  std::list<Entry> entries_;  // The latest asked for first.
  absl::flat_hash_map<base::SocketAddress, std::list<Entry>::iterator> places_;
};

}  // namespace sluice::proxy
