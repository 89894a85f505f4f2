// Statuses from errno: what was being done, with which value, and why it failed.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace sluice::base {

// "<doing>: <strerror(error)>". Thread: any.
absl::Status ErrnoStatus(int error, std::string_view doing);
// Puts "<doing>: " before the status's message; keeps its code.
absl::Status Wrap(const absl::Status& status, std::string_view doing);

}  // namespace sluice::base
