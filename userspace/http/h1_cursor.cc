#include "userspace/http/h1_cursor.h"

#include <cstring>

namespace sluice::http {

Version VersionOf(std::string_view text) {
  if (text == "HTTP/1.1") return Version::kHttp11;
  if (text == "HTTP/1.0") return Version::kHttp10;
  if (text == "HTTP/2.0") return Version::kHttp2;
  const bool is_version = text.size() == 8 && text.substr(0, 5) == "HTTP/" && IsDigit(text[5]) &&
                          text[6] == '.' && IsDigit(text[7]);
  return is_version ? Version::kOther : Version::kMalformed;
}

bool SeesHeadEnd(std::string_view input, size_t from, size_t* resume) {
  const char* begin = input.data();
  const char* end = begin + input.size();
  const char* p = begin + from;
  for (;;) {
    p = Find<LineStop>(p, begin, end);
    *resume = static_cast<size_t>(p - begin);
    if (p == end || (*p == '\r' && p + 1 == end)) return false;
    if (*p != '\r' || p[1] != '\n') return true;
    // CR LF: resume at its CR until it is known that no empty line follows.
    if (end - p < 4) {
      const bool may_end = end - p == 2 || p[2] == '\r';
      if (may_end) return false;
    } else if (p[2] == '\r') {
      return true;  // CR LF CR LF, or a bare CR.
    }
    p += 2;
  }
}

size_t ResumePosition(std::string_view input) {
  size_t size = input.size();
  if (size > 0 && input[size - 1] == '\r') --size;
  if (size >= 2 && input[size - 1] == '\n' && input[size - 2] == '\r') size -= 2;
  return size;
}

}  // namespace sluice::http
