// The largest of everything that one resource may hold. A resource beyond a limit is refused alone,
// with the limit's value in the reason. Gateway API allows 16 rules of 64 matches a route and 16
// backends a rule; tables are merged from several routes, hence the larger numbers here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::model {

struct RouteLimits {
  static constexpr size_t kRulesMax = 1024;
  static constexpr size_t kEntriesMax = 4096;
  static constexpr size_t kBackendsPerRuleMax = 64;
  static constexpr size_t kFiltersMax = 8;              // Per rule and per backend.
  static constexpr size_t kConditionsPerMatchMax = 16;  // Header matches, and query matches.
  static constexpr size_t kHeaderChangesMax = 64;       // Of each of set, add and remove.
  static constexpr size_t kPathSizeMax = 1024;
  static constexpr size_t kRegexSizeMax = 4096;
  static constexpr size_t kHeaderNameSizeMax = 256;
  static constexpr size_t kValueSizeMax = 4096;
  static constexpr size_t kMethodSizeMax = 32;
  static constexpr uint32_t kWeightMax = 1'000'000;
};

struct AddressLimits {
  static constexpr size_t kVirtualAddressesMax = 16;
  static constexpr size_t kWorkloadAddressesMax = 16;
  static constexpr size_t kPortsMax = 1024;
  static constexpr size_t kServicesPerWorkloadMax = 1024;
};

// One resource as it is sent, in bytes, so that it fits a packet to the proxy with its name and
// envelope (kPartSizeMax in userspace/agent/desired_state.h).
inline constexpr size_t kResourceSizeMax = 63 * 1024 - 512;

// Names go into logs and metric labels; Kubernetes' own longest is 253.
inline constexpr size_t kNameSizeMax = 253;
inline constexpr size_t kUidSizeMax = 1024;
// A compiled regular expression may not take more memory than this, in bytes (RE2's max_mem).
inline constexpr int64_t kRegexMemoryMax = 1 << 20;

}  // namespace sluice::model
