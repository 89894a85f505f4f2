#include "userspace/http/h1.h"
#include "userspace/http/h1_scan.h"

namespace sluice::http {
namespace {

// True if nothing of `path` has to be looked at more closely: no escape, no segment that begins
// with a dot.
bool IsPlain(std::string_view path, bool* is_bad) {
  const char* begin = path.data();
  const char* end = begin + path.size();
  for (const char* p = begin;; ++p) {
    p = Find<PathStop>(p, begin, end);
    if (p == end) return true;
    if (*p == '.' && p[-1] != '/') continue;  // path[0] is "/", so there is a byte before.
    *is_bad = *p != '.' && *p != '%';
    return false;
  }
}

// Appends the escape at path[i] in its normal form; false if it is broken or forbidden.
bool AppendEscape(std::string_view path, size_t i, std::string& out) {
  static constexpr char kUpperHex[] = "0123456789ABCDEF";
  if (i + 2 >= path.size()) return false;
  const int high = HexValue(path[i + 1]);
  const int low = HexValue(path[i + 2]);
  if (high < 0 || low < 0) return false;
  const char decoded = static_cast<char>(high * 16 + low);
  if (decoded == '\0' || decoded == '/' || decoded == '\\') return false;
  if (IsUnreserved(decoded)) {
    out += decoded;
  } else {
    out += '%';
    out += kUpperHex[high];
    out += kUpperHex[low];
  }
  return true;
}

// Called when a segment has ended: removes "." and "..". False if it climbs above the root.
bool FoldLastSegment(std::string& out, bool is_last) {
  const size_t slash = out.rfind('/');
  const std::string_view segment = std::string_view(out).substr(slash + 1);
  if (segment == "..") {
    if (slash == 0) return false;
    out.resize(out.rfind('/', slash - 1) + 1);
  } else if (segment == ".") {
    out.resize(slash + 1);
  } else if (!is_last) {
    out += '/';
  }
  return true;
}

}  // namespace

bool NormalisePath(std::string_view path, std::string& out, bool* changed) {
  *changed = false;
  if (path.empty() || path == "*") return true;
  if (path[0] != '/') return false;
  bool is_bad = false;
  if (IsPlain(path, &is_bad)) return true;
  if (is_bad) return false;
  out.clear();
  out += '/';
  for (size_t i = 1; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '/') {
      if (!FoldLastSegment(out, /*is_last=*/false)) return false;
    } else if (c == '%') {
      if (!AppendEscape(path, i, out)) return false;
      i += 2;
    } else if (c <= 0x20 || c == 0x7f || c == '\\') {
      return false;
    } else {
      out += c;
    }
  }
  if (!FoldLastSegment(out, /*is_last=*/true)) return false;
  *changed = out != path;
  return true;
}

}  // namespace sluice::http
