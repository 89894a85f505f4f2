// What text for a terminal must be, whoever chose its words.
#pragma once

#include <string_view>

#include "userspace/base/check.h"

namespace sluice::fuzz {

// Lines of at most `width` bytes, the last one ended, without a byte or a character (U+0080 to
// U+009F) that steers.
inline void CheckScreen(std::string_view text, size_t width) {
  SLUICE_CHECK(text.empty() || text.back() == '\n');
  size_t line_size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') {
      line_size = 0;
      continue;
    }
    SLUICE_CHECK(byte >= 0x20 && byte != 0x7f);
    SLUICE_CHECK(byte != 0xc2 ||
                 (i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xa0));
    SLUICE_CHECK(++line_size <= width);
  }
}

}  // namespace sluice::fuzz
