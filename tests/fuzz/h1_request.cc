// The first byte chooses the step in which the rest comes in and the changes that are applied on
// the way out.
#include "tests/fuzz/h1_head.h"

namespace sluice::http {
namespace {

std::string Write(const RequestHead& head, const RequestRewrite& rewrite) {
  std::string out(RequestHeadBound(head, rewrite), '\0');
  const size_t size = WriteRequestHead(head, rewrite, out.data(), out.size());
  SLUICE_CHECK(size > 0);
  out.resize(size);
  return out;
}

void CheckForwarding(const RequestHead& head) {
  static RequestHead second;
  const std::string written = Write(head, {});
  const H1Limits limits{.head_size_max = 2 * H1Limits{}.head_size_max};
  const ParseResult again = ParseRequestHead(written, 0, limits, &second);
  if (again.bad == BadReason::kTooManyHeaders) {
    SLUICE_CHECK(head.header_count + 2 >
                 kHeaderCountMax);  // "connection" and "te" or "host" came on top.
    return;
  }
  SLUICE_CHECK(again.status == ParseStatus::kComplete);
  SLUICE_CHECK(second.head_size == written.size());
  SLUICE_CHECK(second.method == head.method && second.path == head.path);
  SLUICE_CHECK(second.query == head.query && second.authority == head.authority);
  SLUICE_CHECK(second.body == head.body && second.content_length == head.content_length);
  SLUICE_CHECK(second.expects_continue == head.expects_continue);
  SLUICE_CHECK(!second.wants_upgrade);
  SLUICE_CHECK(Write(second, {}) == written);
}

void CheckChanges(const RequestHead& head) {
  using Kind = HeaderChange::Kind;
  const std::vector<HeaderChange> rule = {
      {Kind::kSet, "x-a", "1"}, {Kind::kAdd, "accept", "b"}, {Kind::kRemove, "b", ""}};
  const std::vector<HeaderChange> backend = {{Kind::kAdd, "x-a", "2"},
                                             {Kind::kSet, "content-length", "7"}};
  const std::string written = Write(head, {"/t?q", "other.example:8", rule, backend});
  static RequestHead second;
  const H1Limits limits{.head_size_max = 2 * H1Limits{}.head_size_max};
  const ParseResult again = ParseRequestHead(written, 0, limits, &second);
  if (again.status != ParseStatus::kComplete) {
    SLUICE_CHECK(again.bad == BadReason::kTooManyHeaders);  // 100 came and some were added.
    return;
  }
  SLUICE_CHECK(second.path == "/t" && second.authority == "other.example:8");
  SLUICE_CHECK(second.body == head.body && second.content_length == head.content_length);
}

}  // namespace
}  // namespace sluice::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  static RequestHead head;
  const auto parse = [](std::string_view text, uint32_t scanned) {
    return ParseRequestHead(text, scanned, H1Limits{}, &head);
  };
  const size_t step = std::max<size_t>(data[0] % 64 + 1, input.size() / 256);
  const ParseResult crumbs = ParseGrowing(input, step, parse);
  const ParseResult whole = parse(input, 0);
  CheckSameVerdict(whole, crumbs);
  if (whole.status != ParseStatus::kComplete) return 0;
  CheckViews(head, input);
  SLUICE_CHECK(head.body != BodyKind::kUntilClose);
  if (head.method == "CONNECT") return 0;
  if (!head.wants_upgrade) CheckForwarding(head);
  CheckChanges(head);
  return 0;
}
