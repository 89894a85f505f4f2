// From probe results to the level of acceleration. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "userspace/datapath/datapath.h"

namespace sluice::datapath {

// Names of the probes that the level depends on.
inline constexpr std::string_view kProbeRedirect = "redirect";
inline constexpr std::string_view kProbeMemoryCharged = "memory_charged";
inline constexpr std::string_view kProbeGuard = "guard";
inline constexpr std::string_view kProbeBusy = "busy";
inline constexpr std::string_view kProbeFionreadNative = "fionread_native";
inline constexpr std::string_view kProbeFionreadRedirected = "fionread_redirected";
inline constexpr std::string_view kProbeOrder = "order";
inline constexpr std::string_view kProbeHalfClose = "half_close";
inline constexpr std::string_view kProbeCloseUnread = "close_unread";

// The highest level, not above `requested`, that the probes show to be safe. A probe that is
// missing has failed.
LevelChoice ChooseLevel(Acceleration requested, const std::vector<ProbeResult>& probes);

}  // namespace sluice::datapath
