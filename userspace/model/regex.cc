#include "userspace/model/regex.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "userspace/model/limits.h"
#include "userspace/model/text.h"

namespace sluice::model {

absl::StatusOr<std::unique_ptr<const RE2>> CompileRegex(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("the regular expression is empty");
  if (text.size() > RouteLimits::kRegexSizeMax) {
    return absl::InvalidArgumentError(absl::StrCat("the regular expression has ", text.size(),
                                                   " bytes, at most ", RouteLimits::kRegexSizeMax,
                                                   " are allowed"));
  }
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kRegexMemoryMax);
  options.set_never_capture(true);
  auto regex = std::make_unique<const RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!regex->ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the regular expression ", Quote(text),
                     " is not valid in RE2 syntax: ", absl::CHexEscape(regex->error())));
  }
  return regex;
}

}  // namespace sluice::model
