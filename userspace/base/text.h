// Text put together, and handed to Abseil: Debian builds Abseil with a string_view of its own, so
// absl::StrCat and the look-ups of its maps do not take the standard one.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace sluice::base {

inline void AppendPart(std::string& out, std::string_view part) { out.append(part); }
template <std::integral Integer>
void AppendPart(std::string& out, Integer number) {
  out.append(std::to_string(number));
}

inline size_t SizeOfPart(std::string_view part) { return part.size(); }
template <std::integral Integer>
size_t SizeOfPart(Integer) {
  return 20;  // Digits of the largest, or a sign and those of the smallest.
}

// Joins texts and integers (in decimal). Everything else is converted by the caller.
template <typename... Parts>
std::string Concat(const Parts&... parts) {
  std::string out;
  out.reserve((SizeOfPart(parts) + ... + 0));
  (AppendPart(out, parts), ...);
  return out;
}

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace sluice::base
