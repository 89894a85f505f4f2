// The first byte chooses the body's kind, the second how it is cut. A second, slow reader checks
// what was accepted.
#include <cstdlib>
#include <string>
#include <vector>

#include "userspace/base/check.h"
#include "userspace/http/h1.h"
#include "userspace/http/h1_reasons.h"

namespace sluice::http {
namespace {

struct Fed {
  size_t consumed = 0;
  ParseStatus status = ParseStatus::kNeedMore;
  BadReason bad{};
  uint64_t body_size = 0;
  bool is_complete_at_close = false;
  bool operator==(const Fed&) const = default;
};

Fed FeedIn(std::string_view input, size_t step, BodyKind kind, uint64_t length) {
  const H1Limits limits;
  BodyFramer framer;
  framer.Start(kind, length, limits);
  Fed fed;
  if (framer.is_complete()) fed.status = ParseStatus::kComplete;
  while (!input.empty() && fed.status == ParseStatus::kNeedMore) {
    const std::vector<char> piece(
        input.begin(), input.begin() + static_cast<ptrdiff_t>(std::min(step, input.size())));
    const BodyFramer::Progress progress = framer.Feed({piece.data(), piece.size()});
    SLUICE_CHECK(progress.consumed <= piece.size());
    fed.consumed += progress.consumed;
    fed.status = progress.status;
    fed.bad = progress.bad;
    input.remove_prefix(piece.size());
  }
  fed.body_size = framer.body_size();
  fed.is_complete_at_close = framer.IsCompleteAtClose();
  return fed;
}

// Reads a whole chunked body the way a plain server does: size by strtoull, lines by CR LF. Returns
// the content's size.
uint64_t ReadPlainly(std::string_view body) {
  uint64_t sum = 0;
  for (;;) {
    const size_t line_end = body.find("\r\n");
    SLUICE_CHECK(line_end != std::string_view::npos);
    const uint64_t chunk =
        std::strtoull(std::string(body.substr(0, line_end)).c_str(), nullptr, 16);
    body.remove_prefix(line_end + 2);
    if (chunk == 0) break;
    SLUICE_CHECK(chunk + 2 <= body.size());
    SLUICE_CHECK(body.substr(chunk, 2) == "\r\n");
    body.remove_prefix(chunk + 2);
    sum += chunk;
  }
  const std::string trailers = "\r\n" + std::string(body);
  SLUICE_CHECK(trailers.find("\r\n\r\n") == trailers.size() - 4);
  return sum;
}

}  // namespace
}  // namespace sluice::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const BodyKind kind = data[0] < 8 ? static_cast<BodyKind>(data[0] % 4) : BodyKind::kChunked;
  const uint64_t length = data[1];
  const Fed whole = FeedIn(input, input.size(), kind, length);
  SLUICE_CHECK(FeedIn(input, 1, kind, length) == whole);
  SLUICE_CHECK(FeedIn(input, data[1] % 61 + 2, kind, length) == whole);
  SLUICE_CHECK(whole.body_size <= whole.consumed);
  if (kind != BodyKind::kChunked || whole.status != ParseStatus::kComplete) return 0;
  SLUICE_CHECK(ReadPlainly(input.substr(0, whole.consumed)) == whole.body_size);
  return 0;
}
