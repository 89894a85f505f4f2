// Where the cgroup v2 hierarchy is mounted: never assumed, since hybrid hosts have it under
// `unified/`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::datapath {

// `mountinfo` as in proc(5). Prefers a mount of the whole hierarchy ("/") to one of a part of it.
std::optional<std::string> ParseCgroupRoot(std::string_view mountinfo);

// From /proc/self/mountinfo.
absl::StatusOr<std::string> FindCgroupRoot();

}  // namespace sluice::datapath
