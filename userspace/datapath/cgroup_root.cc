#include "userspace/datapath/cgroup_root.h"

#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "userspace/base/text.h"

namespace sluice::datapath {
namespace {

// Mount points escape space, tab, newline and backslash as \ooo.
std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> ParseCgroupRoot(std::string_view mountinfo) {
  std::optional<std::string> part;
  for (const absl::string_view line : absl::StrSplit(base::ToAbsl(mountinfo), '\n')) {
    // "36 35 98:0 /root /mount/point options [fields...] - type source superoptions"
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    const std::vector<absl::string_view> left = absl::StrSplit(halves.first, ' ');
    const std::vector<absl::string_view> right = absl::StrSplit(halves.second, ' ');
    if (left.size() < 6 || right.empty() || right[0] != "cgroup2") continue;
    if (left[3] == "/") return Unescape(left[4]);
    if (!part) part = Unescape(left[4]);
  }
  return part;
}

absl::StatusOr<std::string> FindCgroupRoot() {
  std::ifstream file("/proc/self/mountinfo");
  std::stringstream text;
  text << file.rdbuf();
  if (auto root = ParseCgroupRoot(text.str())) return *root;
  return absl::FailedPreconditionError(
      "no cgroup v2 hierarchy is mounted; mount one: mount -t cgroup2 none /sys/fs/cgroup/unified");
}

}  // namespace sluice::datapath
