// Small checks of HTTP/2 heads. Room-private.
#pragma once

#include <cstdint>
#include <string_view>

#include "userspace/http/h1_chars.h"

namespace sluice::http {

// RFC 9113 section 8.2.1: a token without upper case letters.
inline bool IsLowerName(std::string_view name) {
  for (const char c : name) {
    if (!IsToken(c) || (c >= 'A' && c <= 'Z')) return false;
  }
  return !name.empty();
}

// Three digits, 100 to 599 but 101, which HTTP/2 does not have (RFC 9113 section 8.6).
inline bool ParseStatusDigits(std::string_view text, uint16_t* status) {
  if (text.size() != 3) return false;
  uint16_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
    value = static_cast<uint16_t>(value * 10 + (c - '0'));
  }
  *status = value;
  return value >= 100 && value <= 599 && value != 101;
}

}  // namespace sluice::http
