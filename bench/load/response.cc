#include "bench/load/response.h"

#include <algorithm>
#include <charconv>

namespace sluice::bench {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char left, char right) {
    return (left >= 'A' && left <= 'Z' ? static_cast<char>(left + 32) : left) == right;
  });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <typename Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void ResponseReader::Reset() {
  state_ = State::kHead;
  head_.clear();
  status_ = 0;
  body_left_ = 0;
  has_length_ = false;
  is_last_ = false;
}

size_t ResponseReader::Feed(std::string_view bytes) {
  size_t taken = 0;
  while (state_ == State::kHead && taken < bytes.size()) {
    const std::string_view rest = bytes.substr(taken);
    if (head_.empty()) {
      const size_t end = rest.find(kHeadEnd);
      if (end != std::string_view::npos) {
        taken += end + kHeadEnd.size();
        ReadHead(rest.substr(0, end));
        continue;
      }
    }
    // Only the bytes that may complete the head: what follows belongs to the body.
    const size_t before = head_.size();
    head_.append(rest.substr(0, kHeadSizeMax - std::min(before, kHeadSizeMax)));
    const size_t end = head_.find(kHeadEnd, before < 3 ? 0 : before - 3);
    if (end == std::string::npos) {
      if (head_.size() >= kHeadSizeMax) state_ = State::kBad;
      return bytes.size();
    }
    taken += end + kHeadEnd.size() - before;
    const std::string head = head_.substr(0, end);
    head_.clear();
    ReadHead(head);
  }
  if (state_ == State::kBody) {
    const uint64_t part = std::min<uint64_t>(body_left_, bytes.size() - taken);
    taken += part;
    body_left_ -= part;
    if (body_left_ == 0) state_ = State::kComplete;
  }
  return taken;
}

void ResponseReader::ReadHead(std::string_view head) {
  state_ = State::kBad;
  size_t line_end = std::min(head.find("\r\n"), head.size());
  const std::string_view first = head.substr(0, line_end);
  if (first.size() < 12 || !first.starts_with("HTTP/1.1 ") ||
      !ReadNumber(first.substr(9, 3), status_))
    return;
  has_length_ = false;
  while (line_end < head.size()) {
    const size_t begin = line_end + 2;
    line_end = std::min(head.find("\r\n", begin), head.size());
    if (!ReadField(head.substr(begin, line_end - begin))) return;
  }
  if (status_ >= 100 && status_ < 200) {
    state_ = State::kHead;  // An interim answer; the real one follows.
  } else if (status_ == 204 || status_ == 304) {
    state_ = State::kComplete;
  } else if (has_length_) {
    state_ = body_left_ == 0 ? State::kComplete : State::kBody;
  }
}

bool ResponseReader::ReadField(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (EqualsIgnoringCase(name, "content-length")) {
    if (has_length_ || !ReadNumber(value, body_left_)) return false;
    has_length_ = true;
  } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
    return false;
  } else if (EqualsIgnoringCase(name, "connection") && EqualsIgnoringCase(value, "close")) {
    is_last_ = true;
  }
  return true;
}

}  // namespace sluice::bench
