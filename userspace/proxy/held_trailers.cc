#include "userspace/proxy/held_trailers.h"

#include <algorithm>

namespace sluice::proxy {
namespace {

// Of a field that came never indexed and has to go on so (RFC 7541 section 6.2.3): white space that
// HTTP/1.1 allows and does not mind.
constexpr std::string_view kSecretSeparator = ":\t";

std::string_view WithoutBlanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

void AppendTrailerLines(absl::Span<const http::Header> trailers, std::string& lines) {
  for (const http::Header& trailer : trailers) {
    const std::string_view separator = trailer.is_never_indexed ? kSecretSeparator : ": ";
    lines.append(trailer.name).append(separator).append(trailer.value).append("\r\n");
  }
}

void HeldTrailers::Hold(absl::Span<const http::Header> trailers) {
  for (const http::Header& trailer : trailers) {
    const std::string_view separator = trailer.is_never_indexed ? kSecretSeparator : ": ";
    for (const std::string_view part :
         {trailer.name, separator, trailer.value, std::string_view("\r\n")}) {
      lines_.Append(part);
    }
  }
}

absl::Span<const http::Header> HeldTrailers::Take(std::string& lines, TrailerRoom& room) {
  lines.resize(lines_.size());
  lines_.Read(lines.data(), lines.size());
  return ReadTrailerLines(lines, room);
}

absl::Span<const http::Header> ReadTrailerLines(std::string_view lines, TrailerRoom& room) {
  size_t count = 0;
  while (!lines.empty() && count < room.size()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;  // The empty line at the end.
    room[count++] = {.name = line.substr(0, colon),
                     .value = WithoutBlanks(line.substr(colon + 1)),
                     .is_never_indexed = line.substr(colon).starts_with(kSecretSeparator)};
  }
  return {room.data(), count};
}

}  // namespace sluice::proxy
