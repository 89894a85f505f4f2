#include "controller/store/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace sluice::controller {
namespace {

constexpr size_t kLabelSizeMax = 63;
constexpr size_t kSubdomainSizeMax = 253;
constexpr size_t kHeaderNameSizeMax = 256;
constexpr size_t kHeaderValueSizeMax = 4096;

bool IsLabelByte(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; }

bool IsTokenByte(char c) {
  return absl::ascii_isalnum(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsControlByte(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

bool IsDnsLabel(std::string_view text) {
  if (text.empty() || text.size() > kLabelSizeMax) return false;
  if (text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), IsLabelByte);
}

bool IsDnsSubdomain(std::string_view text) {
  if (text.empty() || text.size() > kSubdomainSizeMax) return false;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('.', begin), text.size());
    if (!IsDnsLabel(text.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

bool IsLabelValue(std::string_view text) {
  if (text.empty()) return true;
  const auto is_inner = [](char c) {
    return absl::ascii_isalnum(c) || std::string_view("-_.").find(c) != std::string_view::npos;
  };
  return text.size() <= kLabelSizeMax && absl::ascii_isalnum(text.front()) &&
         absl::ascii_isalnum(text.back()) && std::all_of(text.begin(), text.end(), is_inner);
}

bool IsLabelName(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash != text.npos && !IsDnsSubdomain(text.substr(0, slash))) return false;
  const std::string_view name = slash == text.npos ? text : text.substr(slash + 1);
  return !name.empty() && IsLabelValue(name);
}

bool IsHeaderName(std::string_view text) {
  if (text.empty() || text.size() > kHeaderNameSizeMax) return false;
  return std::all_of(text.begin(), text.end(), IsTokenByte);
}

bool IsHeaderValue(std::string_view text) {
  if (text.size() > kHeaderValueSizeMax) return false;
  if (!text.empty() && (IsBlank(text.front()) || IsBlank(text.back()))) return false;
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return IsControlByte(c) && c != '\t'; });
}

bool HasControlBytes(std::string_view text) {
  return std::any_of(text.begin(), text.end(), IsControlByte);
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return out;
}

std::string Shortened(std::string_view text, size_t size_max) {
  if (text.size() <= size_max) return std::string(text);
  size_t size = size_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size)) + "...";
}

bool IsUrlPath(std::string_view text) {
  return text.starts_with('/') && std::all_of(text.begin(), text.end(), [](char c) {
           return c > 0x20 && c < 0x7f && c != '?' && c != '#';
         });
}

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(i);
    const size_t size = first < 0x80         ? 1
                        : (first >> 5) == 6  ? 2
                        : (first >> 4) == 14 ? 3
                        : (first >> 3) == 30 ? 4
                                             : 0;
    if (size == 0 || i + size > text.size()) return false;
    uint32_t point = size == 1 ? first : first & (0x7F >> size);
    for (size_t k = 1; k < size; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
      point = point << 6 | (byte(i + k) & 0x3F);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
      return false;
    i += size;
  }
  return true;
}

std::string Repaired(std::string_view text) {
  std::string out(text);
  if (IsValidUtf8(text)) return out;
  for (char& c : out) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return out;
}

}  // namespace sluice::controller
