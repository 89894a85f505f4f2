// Any bytes at a server or a client: the same events and the same answers however the input is cut,
// heads that the strict parsers of HTTP/1.1 read in the same way, and bounded output.
// The first byte chooses the role and the step in which the rest comes in.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "userspace/base/check.h"
#include "userspace/base/text.h"
#include "userspace/http/h1_reasons.h"
#include "userspace/http/h2_session.h"

namespace sluice::http {
namespace {

constexpr uint64_t kNow = 1'000'000'000'000;

class Filler : public H2Source {
 public:
  void Read(uint32_t, uint64_t, char* out, size_t size) override { std::fill_n(out, size, 'x'); }
};

void CheckFields(absl::Span<const Header> left, absl::Span<const Header> right) {
  SLUICE_CHECK(left.size() == right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    SLUICE_CHECK(left[i].name == right[i].name && left[i].value == right[i].value);
    SLUICE_CHECK(left[i].id == right[i].id);
  }
}

const H1Limits kLarge = {.head_size_max = 256 * 1024};

void CheckRequest(const RequestHead& head, bool is_extended) {
  static RequestHead parsed;
  const std::string text(head.method.data(), head.head_size);
  const ParseResult result = ParseRequestHead(text, 0, kLarge, &parsed);
  SLUICE_CHECK(result.status == ParseStatus::kComplete);
  SLUICE_CHECK(parsed.head_size == text.size());
  SLUICE_CHECK(parsed.method == head.method && parsed.target == head.target);
  SLUICE_CHECK(parsed.path == head.path && parsed.query == head.query);
  SLUICE_CHECK(parsed.authority == head.authority);
  SLUICE_CHECK(parsed.expects_continue == head.expects_continue);
  SLUICE_CHECK(parsed.body == head.body && parsed.content_length == head.content_length);
  SLUICE_CHECK(parsed.wants_upgrade == head.wants_upgrade || is_extended);  // "h2c" is declined.
  CheckFields(parsed.headers(), head.headers());
}

void CheckResponse(const ResponseHead& head) {
  static ResponseHead parsed;
  const std::string text(head.reason.data() - 13, head.head_size);
  const ParseResult result = ParseResponseHead(text, 0, kLarge, "GET", &parsed);
  SLUICE_CHECK(result.status == ParseStatus::kComplete && parsed.head_size == text.size());
  SLUICE_CHECK(parsed.status == head.status && parsed.reason == head.reason);
  CheckFields(parsed.headers(), head.headers());
}

struct Run {
  std::string events;                       // But for content,
  std::map<uint32_t, std::string> content;  // which may come in other pieces.
  std::string output;
};

void Answer(H2Session& session, const H2Event& event) {
  static const std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  static ResponseHead head;
  ParseResponseHead(text, 0, H1Limits{}, "GET", &head);
  if (event.kind == H2Event::Kind::kRequest) {
    session.SubmitResponse(event.stream, head, event.stream % 4 == 3);
    session.Offer(event.stream, 5, event.stream % 8 == 1);
  }
}

void Note(H2Session& session, const H2Event& event, Run& run) {
  const H2HeadBuffer& buffer = session.buffer();
  if (event.kind == H2Event::Kind::kRequest) {
    CheckRequest(buffer.request, !buffer.protocol.empty());
  }
  if (event.kind == H2Event::Kind::kResponse) CheckResponse(buffer.response);
  if (event.kind == H2Event::Kind::kData) {
    run.content[event.stream].append(event.data);
    if (event.is_end_stream) run.events += base::Concat("|end ", event.stream, "|");
    session.Consume(event.stream, static_cast<uint32_t>(event.data.size()));
    return;
  }
  run.events += base::Concat("|", static_cast<int>(event.kind), ",", event.stream, ",",
                             event.is_end_stream ? 1 : 0, ",", static_cast<uint32_t>(event.error),
                             ",", H2ReasonName(event.reason), "|");
}

Run Feed(H2Role role, std::string_view input, size_t step) {
  static const H2Limits limits;
  static H2HeadBuffer buffer;
  static RequestHead request;
  Run run;
  Filler filler;
  H2Session session(role, limits, buffer);
  session.Start(kNow);
  if (role == H2Role::kClient) {
    ParseRequestHead("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, H1Limits{}, &request);
    for (int i = 0; i < 3; ++i) session.SubmitRequest(request, {}, i != 1, 0);
    session.Offer(3, 100000, true);
  }
  for (size_t i = 0; i < input.size(); i += step) {
    const std::vector<char> piece(
        input.begin() + static_cast<ptrdiff_t>(i),
        input.begin() + static_cast<ptrdiff_t>(std::min(i + step, input.size())));
    std::string_view rest(piece.data(), piece.size());
    for (;;) {
      const H2Event event = session.Next(&rest, kNow);
      if (event.kind == H2Event::Kind::kNone) break;
      Note(session, event, run);
      Answer(session, event);
      if (event.kind == H2Event::Kind::kFailed) break;
    }
    SLUICE_CHECK(session.stream_count() <= limits.stream_count_max);
  }
  std::vector<char> out(4096);
  for (;;) {
    const size_t size = session.Produce(out.data(), out.size(), filler);
    if (size == 0) break;
    run.output.append(out.data(), size);
    SLUICE_CHECK(run.output.size() < (1u << 20));
  }
  return run;
}

}  // namespace
}  // namespace sluice::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  if (size == 0) return 0;
  const H2Role role = (data[0] & 0x80) != 0 ? H2Role::kClient : H2Role::kServer;
  std::string input(role == H2Role::kServer ? kH2Preface : "");
  PutFrameHeader({.size = 0, .type = 4}, input);
  input.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Run whole = Feed(role, input, input.size());
  const Run crumbs = Feed(role, input, std::max<size_t>(data[0] % 64 + 1, input.size() / 512));
  SLUICE_CHECK(whole.output == crumbs.output);
  SLUICE_CHECK(whole.events == crumbs.events && whole.content == crumbs.content);
  return 0;
}
