#include "userspace/proxy/http1_body.h"

#include <charconv>
#include <string>

#include "userspace/proxy/held_trailers.h"

namespace sluice::proxy {

void H1BodyWriter::WriteChunk(Stream& stream, Received& received, std::string_view part) {
  if (part.empty()) return;  // A chunk of no size would be the last one.
  char line[20];
  char* end = std::to_chars(line, line + sizeof line - 2, part.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  stream.Write({line, static_cast<size_t>(end - line)});
  stream.Forward(received, part);
  stream.Write("\r\n");
}

void H1BodyWriter::End(Stream& stream, absl::Span<const http::Header> trailers) {
  if (!is_chunking_) return;
  std::string end = "0\r\n";
  AppendTrailerLines(trailers, end);
  stream.Write(end.append("\r\n"));
}

}  // namespace sluice::proxy
