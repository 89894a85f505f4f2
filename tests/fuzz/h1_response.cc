// The first byte chooses the step in which the rest comes in and the method that is answered.
#include "tests/fuzz/h1_head.h"

namespace sluice::http {
namespace {

std::string Write(const ResponseHead& head, const ResponseRewrite& rewrite) {
  std::string out(ResponseHeadBound(head, rewrite), '\0');
  const size_t size = WriteResponseHead(head, rewrite, out.data(), out.size());
  SLUICE_CHECK(size > 0);
  out.resize(size);
  return out;
}

void CheckForwarding(const ResponseHead& head, std::string_view method) {
  static ResponseHead second;
  const std::string written = Write(head, {});
  const H1Limits limits{.head_size_max = 2 * H1Limits{}.head_size_max};
  const ParseResult again = ParseResponseHead(written, 0, limits, method, &second);
  SLUICE_CHECK(again.status == ParseStatus::kComplete);
  SLUICE_CHECK(second.head_size == written.size());
  SLUICE_CHECK(second.status == head.status && second.reason == head.reason);
  SLUICE_CHECK(second.body == head.body && second.minor_version == 1);
  if (head.body == BodyKind::kLength) SLUICE_CHECK(second.content_length == head.content_length);
  SLUICE_CHECK(Write(second, {}) == written);

  const std::string closing = Write(head, {.close = true});
  const ParseResult closed = ParseResponseHead(closing, 0, limits, method, &second);
  SLUICE_CHECK(closed.status == ParseStatus::kComplete || closed.bad == BadReason::kTooManyHeaders);
  if (closed.status == ParseStatus::kComplete) SLUICE_CHECK(!second.is_keep_alive);
}

}  // namespace
}  // namespace sluice::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  if (size == 0) return 0;
  static constexpr std::string_view kMethods[] = {"GET", "HEAD", "CONNECT", "POST"};
  const std::string_view method = kMethods[data[0] >> 6];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  static ResponseHead head;
  const auto parse = [method](std::string_view text, uint32_t scanned) {
    return ParseResponseHead(text, scanned, H1Limits{}, method, &head);
  };
  const size_t step = std::max<size_t>(data[0] % 64 + 1, input.size() / 256);
  const ParseResult crumbs = ParseGrowing(input, step, parse);
  const ParseResult whole = parse(input, 0);
  CheckSameVerdict(whole, crumbs);
  if (whole.status != ParseStatus::kComplete) return 0;
  CheckViews(head, input);
  CheckForwarding(head, method);
  return 0;
}
