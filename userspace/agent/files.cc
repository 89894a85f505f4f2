#include "userspace/agent/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "userspace/base/errors.h"
#include "userspace/base/unique_fd.h"

namespace sluice::agent {
namespace {

absl::Status WriteAll(int fd, const std::string& content, const std::string& path) {
  size_t written_size = 0;
  while (written_size < content.size()) {
    const ssize_t size = write(fd, content.data() + written_size, content.size() - written_size);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return base::ErrnoStatus(errno, absl::StrCat("write ", path));
    written_size += static_cast<size_t>(size);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t size_max) {
  const base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_valid()) return base::ErrnoStatus(errno, absl::StrCat("open ", path));
  std::string content;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t size = read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return base::ErrnoStatus(errno, absl::StrCat("read ", path));
    if (size == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(size));
    if (content.size() > size_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " is larger than ", size_max, " bytes"));
    }
  }
}

absl::Status ReplaceFile(const std::string& path, const std::string& content) {
  const std::string new_path = path + ".new";
  base::UniqueFd fd(open(new_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.is_valid()) return base::ErrnoStatus(errno, absl::StrCat("create ", new_path));
  if (absl::Status status = WriteAll(fd.get(), content, new_path); !status.ok()) return status;
  if (fsync(fd.get()) != 0) return base::ErrnoStatus(errno, absl::StrCat("fsync ", new_path));
  if (rename(new_path.c_str(), path.c_str()) != 0) {
    return base::ErrnoStatus(errno, absl::StrCat("rename ", new_path, " to ", path));
  }
  return absl::OkStatus();
}

absl::Status WriteInPlace(const std::string& path, const std::string& content) {
  const base::UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.is_valid()) return base::ErrnoStatus(errno, absl::StrCat("open ", path));
  return WriteAll(fd.get(), content, path);
}

absl::Status MakeFolder(const std::string& path) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
      return base::ErrnoStatus(errno, absl::StrCat("make folder ", part));
    }
    if (end == std::string::npos) return absl::OkStatus();
  }
}

}  // namespace sluice::agent
