// Plain text tables that stay within a width: columns are as wide as their content, the last one
// wraps, and where that is not enough the widest of the others is cut with "...". Bytes that would
// steer a terminal are replaced, since names in a status come from files of other people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

inline constexpr size_t kTextWidth = 100;

// One line of whole characters: line ends and tabs become spaces, what would steer and what is no
// UTF-8 becomes '?'.
std::string Printable(std::string_view text);
// `text` in lines of at most `width` bytes, broken at spaces where there are any, else between
// characters.
std::vector<std::string> Wrapped(std::string_view text, size_t width);

struct TextTable {
  std::vector<std::string> header;  // A name that begins with '>' makes a right-aligned column.
  std::vector<std::vector<std::string>> rows;

  // Every line begins with `indent`; ends with a newline unless there are no rows (then it is
  // empty).
  std::string Render(std::string_view indent) const;
};

}  // namespace sluice::cli
