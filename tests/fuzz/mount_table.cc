// The kernel's tables of mounts. Whatever stands around it, a mount point of any bytes comes back
// as it was before the kernel escaped it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "userspace/base/check.h"
#include "userspace/cli/preflight.h"
#include "userspace/datapath/cgroup_root.h"

namespace {

// An absolute path as the kernel writes it: space, tab, newline, backslash and number sign as \ooo.
std::string Escaped(std::string_view path) {
  std::string out = "/";
  for (const char c : path) {
    if (std::string_view(" \t\n\\#").find(c) == std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\%03o", static_cast<unsigned>(c));
    out += escape;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sluice::datapath::ParseCgroupRoot;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto root = ParseCgroupRoot(text);
  SLUICE_CHECK(!root || root->size() <= size);
  (void)sluice::cli::HasCgroup2Mount(text);
  const std::string path = Escaped(text);
  const auto back = ParseCgroupRoot("30 1 0:26 / " + path + " rw - cgroup2 none rw\n");
  SLUICE_CHECK(back.has_value() && back->front() == '/' && back->substr(1) == text);
  SLUICE_CHECK(sluice::cli::HasCgroup2Mount("none " + path + " cgroup2 rw 0 0\n"));
  SLUICE_CHECK(!sluice::cli::HasCgroup2Mount("none " + path + " tmpfs rw 0 0\n"));
  return 0;
}
