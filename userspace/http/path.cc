#include "userspace/http/path.h"

#include <algorithm>
#include <array>
#include <utility>

#include "userspace/http/h1.h"
#include "userspace/http/h1_scan.h"

namespace sluice::http {
namespace {

constexpr bool MergesSlashes(PathNormalisation level) {
  return level == PathNormalisation::kMergeSlashes ||
         level == PathNormalisation::kDecodeAndMergeSlashes;
}

// True if nothing of `path` has to be looked at more closely: no escape, no segment that begins
// with a dot. *is_bad: it can be refused at once by every level but kNone.
bool IsPlain(std::string_view path, bool* is_bad) {
  const char* begin = path.data();
  const char* end = begin + path.size();
  for (const char* p = begin;; ++p) {
    p = Find<PathStop>(p, begin, end);
    if (p == end) return true;
    if (*p == '.' && p[-1] != '/') continue;  // path[0] is "/", so there is a byte before.
    *is_bad = *p != '.' && *p != '%' && *p != '\\';
    return false;
  }
}

// The byte that the escape at path[i] stands for, -1 if it is broken.
int DecodeEscape(std::string_view path, size_t i) {
  if (i + 2 >= path.size()) return -1;
  const int high = HexValue(path[i + 1]);
  const int low = HexValue(path[i + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// In its normal form.
void AppendEscape(int byte, std::string& out) {
  static constexpr char kUpperHex[] = "0123456789ABCDEF";
  if (IsUnreserved(static_cast<char>(byte))) {
    out += static_cast<char>(byte);
    return;
  }
  out += '%';
  out += kUpperHex[byte >> 4];
  out += kUpperHex[byte & 15];
}

// "..;x", which some servers (Tomcat) take for ".." and others for a name.
bool IsDotWithParameter(std::string_view segment) {
  return segment.starts_with(".;") || segment.starts_with("..;");
}

// Called when a segment has ended: removes "." and "..". False if it must not be there: what climbs
// above the root, or is a dot segment to some servers alone.
bool FoldLastSegment(std::string& out, bool is_last, bool is_strict) {
  const size_t slash = out.rfind('/');
  const std::string_view segment = std::string_view(out).substr(slash + 1);
  if (segment == "..") {
    if (slash == 0 && is_strict) return false;
    out.resize(slash == 0 ? 1 : out.rfind('/', slash - 1) + 1);
  } else if (segment == ".") {
    out.resize(slash + 1);
  } else if (is_strict && IsDotWithParameter(segment)) {
    return false;
  } else if (!is_last) {
    out += '/';
  }
  return true;
}

// `path` begins with "/". False: it is refused.
bool Fold(PathNormalisation level, std::string_view path, std::string& out) {
  // Refuses ".." at the root, dot segments with parameters, and backslashes and escaped slashes of
  // both kinds.
  const bool is_strict = level == PathNormalisation::kStrict;
  out.assign(1, '/');
  for (size_t i = 1; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      const int byte = DecodeEscape(path, i);
      if (byte <= 0) return false;
      i += 2;
      const bool is_slash = byte == '/' || byte == '\\';
      if (is_slash && is_strict) return false;
      if (!is_slash || level != PathNormalisation::kDecodeAndMergeSlashes) {
        AppendEscape(byte, out);
        continue;
      }
      c = '/';
    }
    if (c == '\\' && !is_strict) c = '/';
    if (c == '/') {
      if (!FoldLastSegment(out, /*is_last=*/false, is_strict)) return false;
    } else if (c <= 0x20 || c == 0x7f || c == '\\') {
      return false;
    } else {
      out += c;
    }
  }
  return FoldLastSegment(out, /*is_last=*/true, is_strict);
}

constexpr PathRefusal kNoSlash{"path_start", "the request path does not begin with '/'"};
constexpr PathRefusal kBrokenEscape{
    "path_escape", "the request path has a '%' that two hexadecimal digits do not follow"};
constexpr PathRefusal kNul{"path_nul", "the request path has an escaped NUL (%00)"};
constexpr PathRefusal kByte{"path_byte",
                            "the request path has a byte that is not visible ASCII: escape it"};
constexpr PathRefusal kEscapedSlash{
    "path_escaped_slash",
    "the request path has an escaped slash (%2F, %5C), which servers read in two ways; the mesh "
    "passes it with --path-normalization base"};
constexpr PathRefusal kBackslash{
    "path_backslash",
    "the request path has a backslash, which servers read in two ways; the mesh takes it for a "
    "slash with --path-normalization base"};
constexpr PathRefusal kDotParameter{"path_dot_parameter",
                                    "the request path has a dot segment with a parameter (..;), "
                                    "which servers read in two ways; the "
                                    "mesh passes it with --path-normalization base"};
constexpr PathRefusal kAboveRoot{
    "path_above_root",
    "the request path climbs above the root; the mesh stops it there with --path-normalization "
    "base"};

// Whether a segment of `path`, whose escapes are whole, is one as IsDotWithParameter has it.
bool HasDotWithParameter(std::string_view path) {
  for (size_t at = path.find('/'); at != path.npos; at = path.find('/', at + 1)) {
    std::string segment;
    for (size_t i = at + 1; i < path.size() && path[i] != '/' && segment.size() < 3; ++i) {
      const bool is_escape = path[i] == '%';
      segment += is_escape ? static_cast<char>(DecodeEscape(path, i)) : path[i];
      if (is_escape) i += 2;
    }
    if (IsDotWithParameter(segment)) return true;
  }
  return false;
}

void MergeSlashes(std::string& path) {
  const auto is_double = [](char a, char b) { return a == '/' && b == '/'; };
  path.erase(std::unique(path.begin(), path.end(), is_double), path.end());
}

}  // namespace

std::optional<PathNormalisation> ParsePathNormalisation(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, PathNormalisation>, 5> kNames{{
      {"strict", PathNormalisation::kStrict},
      {"none", PathNormalisation::kNone},
      {"base", PathNormalisation::kBase},
      {"merge-slashes", PathNormalisation::kMergeSlashes},
      {"decode-and-merge-slashes", PathNormalisation::kDecodeAndMergeSlashes},
  }};
  for (const auto& [known, level] : kNames) {
    if (known == name) return level;
  }
  return std::nullopt;
}

bool NormalisePath(PathNormalisation level, std::string_view path, std::string& out,
                   bool* changed) {
  *changed = false;
  if (path.empty() || path == "*") return true;
  if (path[0] != '/') return false;
  if (level == PathNormalisation::kNone) return true;
  bool is_bad = false;
  if (IsPlain(path, &is_bad)) {
    if (!MergesSlashes(level) || path.find("//") == path.npos) return true;
    out.assign(path);
  } else if (is_bad || !Fold(level, path, out)) {
    return false;
  }
  if (MergesSlashes(level)) MergeSlashes(out);
  *changed = out != path;
  return true;
}

PathRefusal WhyPathIsRefused(PathNormalisation level, std::string_view path) {
  if (!path.starts_with('/')) return kNoSlash;
  const bool is_strict = level == PathNormalisation::kStrict;
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '%') {
      const int byte = DecodeEscape(path, i);
      if (byte < 0) return kBrokenEscape;
      if (byte == 0) return kNul;
      if (is_strict && (byte == '/' || byte == '\\')) return kEscapedSlash;
    } else if (c == '\\' && is_strict) {
      return kBackslash;
    } else if (c <= 0x20 || c == 0x7f) {
      return kByte;
    }
  }
  return is_strict && HasDotWithParameter(path) ? kDotParameter : kAboveRoot;
}

}  // namespace sluice::http
