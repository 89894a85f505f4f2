// The one way to compile a regular expression of the configuration, so that what the builder
// accepted also compiles for the matcher. RE2: linear time whatever the input; UTF-8; "." matches
// no line feed.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::model {

// Errors: longer than RouteLimits::kRegexSizeMax, empty, refused by RE2, or too large when
// compiled.
absl::StatusOr<std::unique_ptr<const RE2>> CompileRegex(std::string_view text);

}  // namespace sluice::model
