// Joins text and numbers into a message. In place of absl::StrCat, whose string_view is not the
// standard one in Debian's build of Abseil.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace sluice::controller {

inline void AppendPart(std::string& out, std::string_view part) { out.append(part); }
template <std::integral Integer>
void AppendPart(std::string& out, Integer number) {
  out.append(std::to_string(number));
}

template <typename... Parts>
std::string Cat(const Parts&... parts) {
  std::string out;
  (AppendPart(out, parts), ...);
  return out;
}

}  // namespace sluice::controller
