#include "userspace/route/query.h"

namespace sluice::route {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes one decoded byte off the front; requires that there is one.
char TakeByte(std::string_view& encoded) {
  if (encoded.front() == '%' && encoded.size() >= 3) {
    const int high = HexDigit(encoded[1]);
    const int low = HexDigit(encoded[2]);
    if (high >= 0 && low >= 0) {
      encoded.remove_prefix(3);
      return static_cast<char>(high * 16 + low);
    }
  }
  const char byte = encoded.front();
  encoded.remove_prefix(1);
  return byte;
}

}  // namespace

bool DecodedEquals(std::string_view encoded, std::string_view plain) {
  if (encoded.size() < plain.size()) return false;  // Decoding never makes it longer.
  for (const char expected : plain) {
    if (encoded.empty() || TakeByte(encoded) != expected) return false;
  }
  return encoded.empty();
}

std::string PercentDecode(std::string_view encoded) {
  std::string out;
  out.reserve(encoded.size());
  while (!encoded.empty()) out.push_back(TakeByte(encoded));
  return out;
}

std::optional<std::string_view> FindParameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view parameter = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    const size_t equals = parameter.find('=');
    if (!DecodedEquals(parameter.substr(0, equals), name)) continue;
    return equals == parameter.npos ? std::string_view() : parameter.substr(equals + 1);
  }
  return std::nullopt;
}

}  // namespace sluice::route
