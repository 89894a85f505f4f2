#include "userspace/http/h1.h"

namespace sluice::http {

namespace {

struct Status {
  uint16_t code;
  std::string_view text;
};

constexpr Status kStatuses[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {511, "Network Authentication Required"},
};

}  // namespace

std::string_view StatusText(uint16_t status) {
  for (const Status& known : kStatuses) {
    if (known.code == status) return known.text;
  }
  return "";
}

std::string LocalResponse(uint16_t status, std::string_view body, std::string_view extra_headers,
                          bool close, bool is_head) {
  const bool has_body = status >= 200 && status != 204 && status != 304;
  std::string out;
  out.reserve(128 + extra_headers.size() + body.size());
  out.append("HTTP/1.1 ")
      .append(std::to_string(status))
      .append(" ")
      .append(StatusText(status))
      .append("\r\n");
  if (has_body) {
    if (!body.empty()) out.append("content-type: text/plain\r\n");
    out.append("content-length: ").append(std::to_string(body.size())).append("\r\n");
  }
  out.append(extra_headers).append(close ? "connection: close\r\n" : "").append("\r\n");
  if (has_body && !is_head) out.append(body);
  return out;
}

}  // namespace sluice::http
