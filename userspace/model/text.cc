#include "userspace/model/text.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "userspace/base/text.h"
#include "userspace/model/limits.h"

namespace sluice::model {
namespace {

constexpr size_t kQuotedSizeMax = 64;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLowerTokenByte(char c) {
  constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
  return IsLower(c) || IsDigit(c) || kPunctuation.find(c) != std::string_view::npos;
}

bool IsNameByte(char c) { return IsLower(c) || IsDigit(c) || c == '-' || c == '_' || c == '.'; }
bool IsVisibleByte(char c) { return c > 0x20 && c < 0x7f; }

}  // namespace

bool IsLowerToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsLowerTokenByte);
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return IsLowerTokenByte(c) || IsUpper(c); });
}

bool IsFieldValue(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool IsPath(std::string_view text) {
  return !text.empty() && text.front() == '/' && std::all_of(text.begin(), text.end(), [](char c) {
    return IsVisibleByte(c) && c != '?' && c != '#';
  });
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kNameSizeMax &&
         std::all_of(text.begin(), text.end(), IsNameByte);
}

bool IsVisible(std::string_view text, size_t size_max) {
  return !text.empty() && text.size() <= size_max &&
         std::all_of(text.begin(), text.end(), IsVisibleByte);
}

bool IsServiceName(std::string_view text) {
  const size_t slash = text.find('/');
  return slash != text.npos && IsName(text.substr(0, slash)) && IsName(text.substr(slash + 1));
}

std::string Quote(std::string_view text) {
  const std::string_view shown = text.substr(0, kQuotedSizeMax);
  return base::Concat("\"", absl::CHexEscape(base::ToAbsl(shown)),
                      shown.size() < text.size() ? "...\"" : "\"");
}

}  // namespace sluice::model
