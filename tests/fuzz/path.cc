#include <string>
#include <string_view>

#include "userspace/base/check.h"
#include "userspace/http/path.h"

namespace {

using sluice::http::NormalisePath;
using sluice::http::PathNormalisation;

bool HasAny(std::string_view text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) {
    if (text.find(part) != text.npos) return true;
  }
  return false;
}

// The normal form; empty if the path is refused or is none.
std::string Normalised(PathNormalisation level, std::string_view path) {
  std::string out;
  bool changed = false;
  if (!NormalisePath(level, path, out, &changed)) return "";
  const std::string normal = changed ? out : std::string(path);
  return normal == "*" ? "" : normal;
}

void Check(PathNormalisation level, std::string_view path) {
  const std::string normal = Normalised(level, path);
  if (normal.empty()) return;
  SLUICE_CHECK(normal[0] == '/' && normal.size() <= path.size());
  SLUICE_CHECK(!HasAny(normal + "/", {"/../", "/./"}));
  for (const char c : normal) SLUICE_CHECK(c > 0x20 && c < 0x7f && c != '\\');
  SLUICE_CHECK(!HasAny(normal, {"%00", "%2E", "%2e", "%2f", "%5c"}));
  const bool has_escaped_slash = HasAny(normal, {"%2F", "%5C"});
  const bool merges = level == PathNormalisation::kMergeSlashes ||
                      level == PathNormalisation::kDecodeAndMergeSlashes;
  SLUICE_CHECK(!merges || !HasAny(normal, {"//"}));
  SLUICE_CHECK(!has_escaped_slash || level == PathNormalisation::kBase ||
               level == PathNormalisation::kMergeSlashes);
  std::string twice;
  bool changed = false;
  SLUICE_CHECK(NormalisePath(level, normal, twice, &changed) && !changed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  for (const PathNormalisation level :
       {PathNormalisation::kStrict, PathNormalisation::kBase, PathNormalisation::kMergeSlashes,
        PathNormalisation::kDecodeAndMergeSlashes}) {
    Check(level, path);
  }
  // What the strict level takes, the base level takes for the same.
  const std::string strict = Normalised(PathNormalisation::kStrict, path);
  if (!strict.empty()) SLUICE_CHECK(strict == Normalised(PathNormalisation::kBase, path));
  return 0;
}
