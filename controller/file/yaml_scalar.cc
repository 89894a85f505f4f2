#include <array>
#include <charconv>
#include <cmath>

#include "controller/file/parse.h"

namespace sluice::controller {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> list) {
  for (const std::string_view item : list) {
    if (text == item) return true;
  }
  return false;
}

struct Digits {
  std::string_view text;
  int base;
};

// Splits off "0x", "0o", "0b" and the leading zero of YAML 1.1's octal numbers.
Digits SplitBase(std::string_view text) {
  if (text.starts_with("0x")) return {text.substr(2), 16};
  if (text.starts_with("0o")) return {text.substr(2), 8};
  if (text.starts_with("0b")) return {text.substr(2), 2};
  if (text.size() > 1 && text.front() == '0') return {text.substr(1), 8};
  return {text, 10};
}

template <typename Integer>
bool ParseWhole(std::string_view text, int base, Integer& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseInteger(std::string_view text, Json& out) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  const Digits digits = SplitBase(text);
  uint64_t number = 0;
  if (!ParseWhole(digits.text, digits.base, number)) return false;
  if (!is_negative) {
    // The library tells signed from unsigned; what fits both is signed, as in its own parser's
    // results.
    out = number <= INT64_MAX ? Json(static_cast<int64_t>(number)) : Json(number);
    return true;
  }
  if (number > uint64_t{INT64_MAX}) return false;
  out = -static_cast<int64_t>(number);
  return true;
}

bool ParseFloat(std::string_view text, Json& out) {
  // YAML's infinities and NaN have no JSON form and stay strings; so do from_chars' own spellings
  // of them.
  if (text.find_first_not_of("0123456789+-.eE") != text.npos) return false;
  if (text.find_first_of("0123456789") == text.npos) return false;
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return false;
  out = number;
  return true;
}

}  // namespace

Json ResolvePlainScalar(std::string_view text) {
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (IsOneOf(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (IsOneOf(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}))
    return false;
  Json number;
  if (ParseInteger(text, number) || ParseFloat(text, number)) return number;
  return std::string(text);
}

}  // namespace sluice::controller
