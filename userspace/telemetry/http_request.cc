#include <cstddef>
#include <string>
#include <string_view>

#include "userspace/telemetry/http_server.h"

namespace sluice::telemetry {
namespace {

ParsedRequest Refuse(int status_code, const char* text) {
  ParsedRequest parsed;
  parsed.state = ParsedRequest::State::kRefused;
  parsed.refusal.status_code = status_code;
  parsed.refusal.body = text;
  return parsed;
}

bool IsPrintable(std::string_view text) {
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f) return false;
  }
  return true;
}

const char* Reason(int status_code) {
  switch (status_code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

}  // namespace

ParsedRequest ParseGetRequest(const std::string& received) {
  const size_t head_end = received.find("\r\n\r\n");
  if (head_end == std::string::npos) {
    if (received.size() >= HttpServer::kRequestSizeMax)
      return Refuse(431, "request head too large\n");
    return {};
  }
  const std::string_view line = std::string_view(received).substr(0, received.find("\r\n"));
  const size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos) return Refuse(400, "request line without a target\n");
  const std::string_view method = line.substr(0, method_end);
  const std::string_view rest = line.substr(method_end + 1);
  const size_t target_end = rest.find(' ');
  if (target_end == std::string_view::npos) return Refuse(400, "request line without a version\n");
  const std::string_view target = rest.substr(0, target_end);
  const std::string_view version = rest.substr(target_end + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return Refuse(400, "not HTTP/1\n");
  if (method != "GET" && method != "HEAD")
    return Refuse(405, "only GET and HEAD are served here\n");
  if (target.empty() || target[0] != '/' || !IsPrintable(target)) {
    return Refuse(400, "the target must be a path\n");
  }
  ParsedRequest parsed;
  parsed.state = ParsedRequest::State::kReady;
  parsed.is_head_only = method == "HEAD";
  parsed.path = std::string(target.substr(0, target.find('?')));
  return parsed;
}

std::string FormatResponse(const HttpResponse& response, bool is_head_only) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status_code) + " " +
                     Reason(response.status_code) + "\r\nContent-Type: " + response.content_type +
                     "\r\nContent-Length: " + std::to_string(response.body.size()) +
                     "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
  if (!is_head_only) text += response.body;
  return text;
}

}  // namespace sluice::telemetry
