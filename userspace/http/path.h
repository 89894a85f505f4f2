// One normal form for paths, before any match: routes, policies and servers read the same bytes.
// Pure. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

// How far paths are changed. kStrict is the default: it changes as kBase does and refuses what
// servers are known to read in different ways. The others are Istio's levels.
enum class PathNormalisation : uint8_t {
  kStrict,
  kNone,                  // As sent.
  kBase,                  // RFC 3986 sections 5.2.4 and 6.2.2; a backslash is a slash.
  kMergeSlashes,          // kBase, then "//" is "/".
  kDecodeAndMergeSlashes  // %2F and %5C are slashes, then kMergeSlashes.
};

// "strict", "none", "base", "merge-slashes", "decode-and-merge-slashes"; empty for anything else.
std::optional<PathNormalisation> ParsePathNormalisation(std::string_view name);

// "*" and "" are normal. Errors: false.
//   every level      a path that does not begin with "/"
//   all but kNone    a broken escape, a NUL (%00), bytes outside visible ASCII
//   kStrict          also a path that climbs above the root, "..;" (a dot segment with a
//                    parameter), a backslash, %2F and %5C
// *changed: the normal form differs and is in `out`; else `path` is normal and `out` means nothing.
// A normal form stays as it is when normalised again.
bool NormalisePath(PathNormalisation level, std::string_view path, std::string& out, bool* changed);

// Why NormalisePath refuses `path`: the rule's name for logs, and words for whoever sent it.
struct PathRefusal {
  std::string_view rule;
  std::string_view text;
};
PathRefusal WhyPathIsRefused(PathNormalisation level, std::string_view path);

}  // namespace sluice::http
