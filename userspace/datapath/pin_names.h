// Names of pins that the next run, which may be another version, looks for. They never change.
#pragma once

namespace sluice::datapath {

inline constexpr char kInboundPinPrefix[] = "inbound_";  // Then the netns cookie.
inline constexpr char kPodsPin[] = "sluice_pods";
inline constexpr char kSplicedPin[] = "sluice_spliced";

}  // namespace sluice::datapath
