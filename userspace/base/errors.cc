#include "userspace/base/errors.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice::base {

absl::Status ErrnoStatus(int error, std::string_view doing) {
  return absl::ErrnoToStatus(error, absl::string_view(doing.data(), doing.size()));
}

absl::Status Wrap(const absl::Status& status, std::string_view doing) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(absl::string_view(doing.data(), doing.size()),
                                                  ": ", status.message()));
}

}  // namespace sluice::base
