// A network namespace by its file, and running code inside it. The calling thread goes in and
// always comes back; a thread that could not come back would act in a pod's network from then on,
// so that ends the process. Thread: one. Needs CAP_SYS_ADMIN.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace sluice::agent {

// Which namespace a path leads to now. An inode number is unique among living namespaces only; the
// cookie for ever.
struct NamespaceFile {
  base::UniqueFd fd;
  dev_t device = 0;
  ino_t inode = 0;
};

// Refuses anything that is not a network namespace (a plain file, a fifo, another kind of
// namespace).
absl::StatusOr<NamespaceFile> OpenNamespaceFile(const std::string& path);

class NamespaceSwitch {
 public:
  static absl::StatusOr<NamespaceSwitch> Create();

  // `body` runs inside; its status is returned.
  absl::Status RunInside(int namespace_fd, absl::FunctionRef<absl::Status()> body) const;
  absl::StatusOr<uint64_t> CookieOf(int namespace_fd) const;
  uint64_t home_cookie() const { return home_cookie_; }

 private:
  explicit NamespaceSwitch(base::UniqueFd home) : home_(std::move(home)) {}
  base::UniqueFd home_;
  uint64_t home_cookie_ = 0;
};

}  // namespace sluice::agent
