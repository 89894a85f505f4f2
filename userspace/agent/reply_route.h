// The rule and route that bring replies to a transparent dial socket back to the pod itself:
//   rule   fwmark kDialMark lookup kDialTable (priority kDialRulePriority)
//   route  local default dev lo table kDialTable
// Small rtnetlink code of our own; acts on the namespace of the calling thread.
// Errors: what is there already and what is gone already are both success.
#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace sluice::agent {

inline constexpr uint32_t kDialRulePriority = 5100;

enum class ReplyRouteChange : uint8_t { kAdd, kRemove };

// `family` is AF_INET or AF_INET6.
absl::Status ChangeReplyRoute(ReplyRouteChange change, int family);

}  // namespace sluice::agent
