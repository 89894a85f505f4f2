#include "userspace/proxy/pod_port_memories.h"

namespace sluice::proxy {
namespace {

std::shared_ptr<PortMemory> MakeMemory() {
  auto memory = std::make_shared<PortMemory>();
  memory->Note(PortMemory::kSilence);
  return memory;
}

}  // namespace

std::shared_ptr<PortMemory> PodPortMemories::Of(const base::SocketAddress& port,
                                                std::string_view workload_uid,
                                                bool* has_forgotten) {
  *has_forgotten = false;
  const auto found = places_.find(port);
  if (found != places_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    Entry& entry = entries_.front();
    if (entry.workload_uid != workload_uid) {
      entry.workload_uid = workload_uid;
      entry.memory = MakeMemory();
    }
    return entry.memory;
  }
  if (places_.size() >= count_max_) {
    *has_forgotten = true;
    places_.erase(entries_.back().port);
    entries_.pop_back();
  }
  entries_.push_front(
      {.port = port, .workload_uid = std::string(workload_uid), .memory = MakeMemory()});
  places_[port] = entries_.begin();
  return entries_.front().memory;
}

}  // namespace sluice::proxy
