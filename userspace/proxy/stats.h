// Sums the workers' counters into messages for the agent. Pure but for reading the counters.
#pragma once

#include <cstdint>
#include <vector>

#include "api/node.pb.h"
#include "userspace/proxy/backend_names.h"
#include "userspace/proxy/counters.h"
#include "userspace/proxy/runtime_config.h"

namespace sluice::proxy {

// `config` may be null; of its undeclared ports at most kUndeclaredPortsTold that have been used
// are told, those with wrong guesses first. Several messages, each small enough for one packet; the
// last has is_last set.
std::vector<node::v1::Stats> CollectStats(const std::vector<const Counters*>& workers,
                                          const std::vector<BackendName>& names,
                                          const RuntimeConfig* config, uint64_t id);

}  // namespace sluice::proxy
