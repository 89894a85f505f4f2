#include "userspace/base/errors.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "userspace/base/text.h"

namespace sluice::base {

absl::Status ErrnoStatus(int error, std::string_view doing) {
  return absl::ErrnoToStatus(error, ToAbsl(doing));
}

absl::Status Wrap(const absl::Status& status, std::string_view doing) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(ToAbsl(doing), ": ", status.message()));
}

}  // namespace sluice::base
