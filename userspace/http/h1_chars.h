// Character classes of RFC 9110 section 5.6.2 and RFC 3986 as tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http {

inline constexpr uint8_t kTokenBit = 1;  // tchar
inline constexpr uint8_t kHostBit =
    2;  // Letters, digits, "-", ".", "_", "~": what names on a network have.
inline constexpr uint8_t kUnreservedBit = 4;  // RFC 3986 section 2.3

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool IsLetter(char c) { return ToLower(c) >= 'a' && ToLower(c) <= 'z'; }

constexpr std::array<uint8_t, 256> MakeCharTable() {
  std::array<uint8_t, 256> table{};
  for (int i = 0; i < 128; ++i) {
    const char c = static_cast<char>(i);
    if (IsDigit(c) || IsLetter(c))
      table[static_cast<size_t>(i)] = kTokenBit | kHostBit | kUnreservedBit;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<uint8_t>(c)] |= kTokenBit;
  for (const char c : std::string_view("-._~"))
    table[static_cast<uint8_t>(c)] |= kHostBit | kUnreservedBit;
  return table;
}
inline constexpr std::array<uint8_t, 256> kCharTable = MakeCharTable();

constexpr bool IsToken(char c) { return (kCharTable[static_cast<uint8_t>(c)] & kTokenBit) != 0; }
constexpr bool IsHostChar(char c) { return (kCharTable[static_cast<uint8_t>(c)] & kHostBit) != 0; }
constexpr bool IsUnreserved(char c) {
  return (kCharTable[static_cast<uint8_t>(c)] & kUnreservedBit) != 0;
}
constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }
// NUL to 0x1f but HTAB, and DEL: never part of a line.
constexpr bool IsControl(char c) {
  return (static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == 0x7f;
}

// -1 if `c` is no hexadecimal digit.
constexpr int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = ToLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace sluice::http
