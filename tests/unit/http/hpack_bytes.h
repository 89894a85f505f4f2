// Pieces of HPACK blocks, written by hand.
#pragma once

#include <string>
#include <string_view>

#include "tests/unit/http/golden.h"

namespace sluice::http {

inline std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(HexOf(hex[i]) * 16 + HexOf(hex[i + 1]));
  }
  return bytes;
}

// A string without Huffman code.
inline std::string PlainString(std::string_view text) {
  std::string out;
  size_t size = text.size();
  if (size < 127) {
    out += static_cast<char>(size);
    return out.append(text);
  }
  out += '\x7f';
  for (size -= 127; size >= 128; size >>= 7) out += static_cast<char>(size % 128 + 128);
  out += static_cast<char>(size);
  return out.append(text);
}

// A literal field with a literal name that goes into the table.
inline std::string Literal(std::string_view name, std::string_view value) {
  std::string out(1, '\x40');
  out.append(PlainString(name));
  return out.append(PlainString(value));
}

}  // namespace sluice::http
