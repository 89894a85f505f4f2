#include "bench/server/request.h"

#include <algorithm>
#include <charconv>

namespace sluice::bench {
namespace {

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower,
                            [](char left, char right) { return (left | 0x20) == (right | 0x20); });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool ReadFields(std::string_view lines, Request& request) {
  while (!lines.empty()) {
    const size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view name = line.substr(0, colon), value = Trim(line.substr(colon + 1));
    if (name.size() == 14 && EqualsIgnoringCase(name, "content-length")) {
      const char* const last = value.data() + value.size();
      if (std::from_chars(value.data(), last, request.body_size).ptr != last || value.empty())
        return false;
    } else if (name.size() == 17 && EqualsIgnoringCase(name, "transfer-encoding")) {
      return false;  // No load of ours sends one.
    } else if (name.size() == 10 && EqualsIgnoringCase(name, "connection")) {
      request.is_last = EqualsIgnoringCase(value, "close");
    }
  }
  return true;
}

}  // namespace

size_t AnswerSizeOf(std::string_view path) {
  size_t size = 0;
  const char* const last = path.data() + path.size();
  if (!path.starts_with('/')) return std::string_view::npos;
  const auto [end, error] = std::from_chars(path.data() + 1, last, size);
  if (error != std::errc{} || last - end > 1 || size > kAnswerSizeMax)
    return std::string_view::npos;
  if (end != last && *end != 'k' && *end != 'm') return std::string_view::npos;
  if (end != last) size *= *end == 'k' ? 1024 : 1024 * 1024;
  return size <= kAnswerSizeMax ? size : std::string_view::npos;
}

Request ReadRequest(std::string_view bytes) {
  Request request;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() >= kHeadSizeMax) request.kind = Request::Kind::kBad;
    return request;
  }
  request.kind = Request::Kind::kBad;
  request.head_size = end + 4;
  const size_t line_end = bytes.find("\r\n");
  const std::string_view line = bytes.substr(0, line_end);
  const size_t first = line.find(' '), second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos ||
      line.substr(second) != " HTTP/1.1") {
    return request;
  }
  if (!ReadFields(bytes.substr(line_end + 2, end - line_end), request)) return request;
  request.answer_size = AnswerSizeOf(line.substr(first + 1, second - first - 1));
  const bool is_found = request.answer_size != std::string_view::npos;
  request.kind = is_found ? Request::Kind::kGood : Request::Kind::kNotFound;
  return request;
}

}  // namespace sluice::bench
