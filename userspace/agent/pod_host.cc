#include "userspace/agent/pod_host.h"

#include <sys/stat.h>

#include "userspace/agent/hop_count.h"

namespace sluice::agent {

NamespaceObservation NodePodHost::Observe(const std::string& path,
                                          const NamespaceObservation* known) {
  struct stat status;
  if (known != nullptr && known->error.empty() && stat(path.c_str(), &status) == 0 &&
      status.st_dev == known->device && status.st_ino == known->inode) {
    return *known;
  }
  NamespaceObservation observed;
  const absl::StatusOr<NamespaceFile> file = OpenNamespaceFile(path);
  if (!file.ok()) {
    observed.error = std::string(file.status().message());
    return observed;
  }
  const absl::StatusOr<uint64_t> cookie = network_.CookieOf(file->fd.get());
  if (!cookie.ok()) {
    observed.error = std::string(cookie.status().message());
    return observed;
  }
  observed.device = file->device;
  observed.inode = file->inode;
  observed.cookie = *cookie;
  return observed;
}

absl::StatusOr<PreparedNamespace> NodePodHost::Prepare(const std::string& path, uint64_t cookie) {
  return namespaces_.Prepare(path, cookie, worker_count_);
}

absl::Status NodePodHost::Restore(const PreparedNamespace& prepared) {
  return namespaces_.Restore(prepared);
}

absl::StatusOr<size_t> NodePodHost::CountHops(const PreparedNamespace& prepared) {
  size_t count = 0;
  const absl::Status status = network_.RunInside(prepared.fd->get(), [&count]() -> absl::Status {
    const absl::StatusOr<size_t> counted = agent::CountHops();
    if (counted.ok()) count = *counted;
    return counted.status();
  });
  if (!status.ok()) return status;
  return count;
}

}  // namespace sluice::agent
