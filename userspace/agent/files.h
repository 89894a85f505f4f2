// Small files, whole: read with a limit, replaced so that a reader or a crash sees the old or the
// new, never half. Thread: any.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sluice::agent {

// kNotFound if it is not there, kResourceExhausted past `size_max`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t size_max);
// Writes "<path>.new", syncs, renames.
absl::Status ReplaceFile(const std::string& path, const std::string& content);
// Writes into an existing file (sysctl files) in one write; never creates.
absl::Status WriteInPlace(const std::string& path, const std::string& content);
// Makes the folder (mode 0755) and its parents.
absl::Status MakeFolder(const std::string& path);

}  // namespace sluice::agent
