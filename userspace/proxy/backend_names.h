// Dense numbers for (service, route, backend), so that the hot path counts into an array. Numbers
// are never taken back; beyond kBackendStatsMax everything shares the last one. Thread: the main
// thread only.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "userspace/proxy/limits.h"

namespace sluice::proxy {

struct BackendName {
  std::string service;
  std::string route;
  std::string backend;
};

class BackendNames {
 public:
  uint32_t IdOf(const BackendName& name) {
    const auto [found, is_new] = ids_.try_emplace({name.service, name.route, name.backend},
                                                  static_cast<uint32_t>(names_.size()));
    if (!is_new) return found->second;
    if (names_.size() + 1 >= kBackendStatsMax) {
      if (names_.size() < kBackendStatsMax) names_.push_back({"other", "other", "other"});
      return found->second = kBackendStatsMax - 1;
    }
    names_.push_back(name);
    return found->second;
  }
  const std::vector<BackendName>& names() const { return names_; }

 private:
  std::vector<BackendName> names_;
  absl::flat_hash_map<std::tuple<std::string, std::string, std::string>, uint32_t> ids_;
};

}  // namespace sluice::proxy
