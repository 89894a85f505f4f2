#include "userspace/http/h1_target.h"

#include "userspace/http/h1_chars.h"
#include "userspace/http/h1_names.h"

namespace sluice::http {
namespace {

constexpr std::string_view kScheme =
    "http://";  // https in clear text is a request for another server.

void SplitQuery(std::string_view text, RequestHead& head) {
  const size_t mark = text.find('?');
  head.path = text.substr(0, mark);
  head.query = mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
}

bool IsValidPort(std::string_view port) {
  if (port.empty() || port.size() > 5) return false;
  uint32_t value = 0;
  for (const char c : port) {
    if (!IsDigit(c)) return false;
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  return value <= 65535;
}

bool IsAddressLiteral(std::string_view inside) {
  bool has_colon = false;
  for (const char c : inside) {
    if (HexValue(c) < 0 && c != ':' && c != '.') return false;
    has_colon = has_colon || c == ':';
  }
  return has_colon;
}

}  // namespace

bool IsValidHost(std::string_view host) {
  if (host.empty()) return false;
  std::string_view rest;
  if (host[0] == '[') {
    const size_t close = host.find(']');
    if (close == std::string_view::npos || !IsAddressLiteral(host.substr(1, close - 1)))
      return false;
    rest = host.substr(close + 1);
  } else {
    size_t size = 0;
    while (size < host.size() && IsHostChar(host[size])) ++size;
    if (size == 0) return false;
    rest = host.substr(size);
  }
  return rest.empty() || (rest[0] == ':' && IsValidPort(rest.substr(1)));
}

std::string_view AfterAuthority(std::string_view target) {
  const std::string_view rest = target.substr(kScheme.size());
  const size_t end = rest.find_first_of("/?");
  return end == std::string_view::npos ? rest.substr(rest.size()) : rest.substr(end);
}

bool SplitTarget(RequestHead& head, std::string_view* authority) {
  const std::string_view target = head.target;
  if (head.method == "CONNECT") {
    *authority = target;
    head.path = head.query = {};
    return IsValidHost(target) && target.find(':') != std::string_view::npos;
  }
  if (target[0] == '/') {
    SplitQuery(target, head);
    return true;
  }
  if (target == "*") {
    head.path = target;
    head.query = {};
    return head.method == "OPTIONS";
  }
  if (target.size() <= kScheme.size() || !EqualsIgnoreCase(target.substr(0, 4), "http") ||
      target.substr(4, 3) != kScheme.substr(4)) {
    return false;
  }
  const std::string_view rest = AfterAuthority(target);
  *authority = target.substr(kScheme.size(), target.size() - kScheme.size() - rest.size());
  SplitQuery(rest, head);
  if (head.path.empty()) head.path = head.method == "OPTIONS" && rest.empty() ? "*" : "/";
  return IsValidHost(*authority);
}

}  // namespace sluice::http
