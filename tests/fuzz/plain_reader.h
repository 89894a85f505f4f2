// A lenient server's reading of HTTP/1.1, to find what the strict one would not: lines end with LF,
// names are trimmed, their case and underscores do not matter, any mention of "chunked" counts.
#pragma once

#include <cctype>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "userspace/base/check.h"

namespace sluice::http {

struct PlainRequest {
  std::string method;
  std::string target;
  std::string host;
  std::string body;
};

class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : text_(text) {}

  // All of them, to the last byte.
  std::vector<PlainRequest> ReadAll() {
    std::vector<PlainRequest> all;
    while (!text_.empty()) all.push_back(ReadOne());
    return all;
  }

 private:
  std::string_view Line() {
    const size_t end = text_.find('\n');
    SLUICE_CHECK(end != std::string_view::npos);
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  std::string Bytes(size_t size) {
    SLUICE_CHECK(size <= text_.size());
    std::string bytes(text_.substr(0, size));
    text_.remove_prefix(size);
    return bytes;
  }
  static std::string Trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
      text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
      text.remove_suffix(1);
    return std::string(text);
  }
  static std::string Fold(std::string text) {
    for (char& c : text)
      c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }
  PlainRequest ReadOne() {
    PlainRequest request;
    const std::string_view first = Line();
    const size_t space = first.find(' ');
    const size_t last = first.rfind(' ');
    SLUICE_CHECK(space != std::string_view::npos && space < last);
    request.method = first.substr(0, space);
    request.target = first.substr(space + 1, last - space - 1);
    bool is_chunked = false;
    size_t length_count = 0;
    size_t length = 0;
    for (std::string_view line = Line(); !line.empty(); line = Line()) {
      const size_t colon = line.find(':');
      SLUICE_CHECK(colon != std::string_view::npos);
      const std::string name = Fold(Trim(line.substr(0, colon)));
      const std::string value = Trim(line.substr(colon + 1));
      if (name == "host") request.host = value;
      is_chunked = is_chunked || (name == "transfer-encoding" &&
                                  Fold(value).find("chunked") != std::string::npos);
      if (name != "content-length") continue;
      ++length_count;
      length = std::strtoull(value.c_str(), nullptr, 10);
    }
    SLUICE_CHECK(length_count <= (is_chunked ? 0 : 1));
    request.body = is_chunked ? ReadChunks() : Bytes(length);
    return request;
  }
  std::string ReadChunks() {
    std::string body;
    while (const size_t size = std::strtoull(std::string(Line()).c_str(), nullptr, 16)) {
      body += Bytes(size);
      SLUICE_CHECK(Line().empty());
    }
    while (!Line().empty()) continue;  // Trailers.
    return body;
  }

  std::string_view text_;
};

}  // namespace sluice::http
