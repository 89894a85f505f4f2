#include "userspace/detect/protocol.h"

#include <algorithm>

namespace sluice::detect {
namespace {

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// The registry of RFC 9110 section 16.1 but PRI, which no request may use.
constexpr std::string_view kMethods[] = {
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
};

constexpr size_t kMethodSizeMax = [] {
  size_t size = 0;
  for (const std::string_view method : kMethods) size = std::max(size, method.size());
  return size;
}();
constexpr std::string_view kLongestScheme = "https://";
static_assert(kMethodSizeMax + 1 + kLongestScheme.size() <= kDetectSizeMax);
static_assert(kHttp2Preface.size() <= kDetectSizeMax);

constexpr char kHandshakeRecord = 0x16;
constexpr char kClientHello = 0x01;
constexpr size_t kRecordSizeMax = 16 * 1024;  // RFC 8446 section 5.1

bool Begins(std::string_view whole, std::string_view part) { return whole.starts_with(part); }

// `expected` in lower case; kNeedMore while `text` may still become it.
Speech MatchWord(std::string_view text, std::string_view expected) {
  const size_t size = std::min(text.size(), expected.size());
  for (size_t i = 0; i < size; ++i) {
    const char c = text[i];
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if (lower != expected[i]) return Speech::kOther;
  }
  return text.size() < expected.size() ? Speech::kNeedMore : Speech::kHttp1;
}

// SIP, RTSP and ICAP have OPTIONS too; their targets have schemes of their own.
Speech DetectAbsoluteForm(std::string_view target) {
  const Speech plain = MatchWord(target, "http://");
  return plain == Speech::kOther ? MatchWord(target, kLongestScheme) : plain;
}

bool CanBeginHost(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '[';
}

Speech DetectTarget(std::string_view method, std::string_view target) {
  if (target.empty()) return Speech::kNeedMore;
  if (method == "CONNECT") return CanBeginHost(target[0]) ? Speech::kHttp1 : Speech::kOther;
  if (target[0] == '/') return Speech::kHttp1;
  if (target[0] == '*') return method == "OPTIONS" ? Speech::kHttp1 : Speech::kOther;
  return DetectAbsoluteForm(target);
}

Speech DetectHttp1(std::string_view bytes) {
  const size_t space = bytes.substr(0, kMethodSizeMax + 1).find(' ');
  const bool is_whole = space != std::string_view::npos;
  const std::string_view word = bytes.substr(0, is_whole ? space : kMethodSizeMax + 1);
  for (const std::string_view method : kMethods) {
    if (is_whole && method == word) return DetectTarget(method, bytes.substr(space + 1));
    if (!is_whole && Begins(method, word)) return Speech::kNeedMore;
  }
  return Speech::kOther;
}

Speech DetectTls(std::string_view bytes) {
  const auto at = [bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (bytes.size() > 1 && at(1) != 3) return Speech::kOther;
  if (bytes.size() > 2 && at(2) > 4) return Speech::kOther;
  if (bytes.size() > 4) {
    const size_t record_size = size_t{at(3)} << 8 | at(4);
    if (record_size == 0 || record_size > kRecordSizeMax) return Speech::kOther;
  }
  if (bytes.size() <= 5) return Speech::kNeedMore;
  return bytes[5] == kClientHello ? Speech::kTls : Speech::kOther;
}

Speech DetectHttp2(std::string_view bytes) {
  if (Begins(bytes, kHttp2Preface)) return Speech::kHttp2;
  return Begins(kHttp2Preface, bytes) ? Speech::kNeedMore : Speech::kOther;
}

}  // namespace

Speech Detect(std::string_view first_bytes) {
  if (first_bytes.empty()) return Speech::kNeedMore;
  if (first_bytes[0] == kHandshakeRecord) return DetectTls(first_bytes);
  const Speech http2 = DetectHttp2(first_bytes);
  return http2 == Speech::kOther ? DetectHttp1(first_bytes) : http2;
}

Speech DetectHttp(std::string_view first_bytes) {
  const Speech http2 = DetectHttp2(first_bytes);
  return http2 == Speech::kOther ? Speech::kHttp1 : http2;
}

}  // namespace sluice::detect
