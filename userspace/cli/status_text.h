// The agent's status (JSON, docs/operations.md) as text for people, at most 100 columns wide. Pure.
// A field that is missing or of another type is shown as "-" or left out: an older agent must stay
// readable.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::cli {

// Errors: kInvalidArgument if `json` is not a JSON object.
absl::StatusOr<std::string> RenderStatus(std::string_view json);
// The same JSON indented, in ASCII alone: nothing in it can steer a terminal.
absl::StatusOr<std::string> IndentStatus(std::string_view json);

}  // namespace sluice::cli
