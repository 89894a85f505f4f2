// Joining strings with one allocation. (Debian's absl::string_view is not std::string_view, so
// absl::StrCat does not take ours.)
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice::base {

inline std::string Concat(std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string out;
  out.reserve(size);
  for (const std::string_view part : parts) out += part;
  return out;
}

}  // namespace sluice::base
