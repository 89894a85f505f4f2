// A head as HTTP/1.1 goes through a client session and a server session: what comes out at the
// other end says the same, or the server refuses it with a reason.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "userspace/base/check.h"
#include "userspace/http/h1_reasons.h"
#include "userspace/http/h2_session.h"

namespace sluice::http {
namespace {

constexpr uint64_t kNow = 1'000'000'000'000;

class Nothing : public H2Source {
 public:
  void Read(uint32_t, uint64_t, char*, size_t) override { SLUICE_CHECK(false); }
};

std::string Output(H2Session& session) {
  Nothing nothing;
  std::string out(1 << 20, '\0');
  out.resize(session.Produce(out.data(), out.size(), nothing));
  return out;
}

struct Field {
  std::string name;
  std::string value;
  bool operator==(const Field&) const = default;
};

std::vector<Field> EndToEnd(const RequestHead& head) {
  std::vector<Field> fields;
  std::string cookies;
  for (const Header& header : head.headers()) {
    if (header.is_hop_by_hop || header.id == HeaderId::kHost ||
        header.id == HeaderId::kTransferEncoding ||
        (header.id == HeaderId::kExpect && !head.expects_continue)) {
      continue;
    }
    std::string name(header.name);
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if (name == "cookie") {
      cookies += (cookies.empty() ? "" : "; ") + std::string(header.value);
    } else {
      fields.push_back({name, std::string(header.value)});
    }
  }
  if (!cookies.empty()) fields.push_back({"cookie", cookies});
  return fields;
}

void CheckSame(const RequestHead& sent, const RequestHead& got) {
  SLUICE_CHECK(got.method == sent.method && got.authority == sent.authority);
  SLUICE_CHECK(got.path == sent.path && got.query == sent.query);
  SLUICE_CHECK(EndToEnd(got) == EndToEnd(sent));
  if (sent.method == "CONNECT") return;
  SLUICE_CHECK(got.content_length == sent.content_length);
  SLUICE_CHECK(got.expects_continue == sent.expects_continue);
}

}  // namespace
}  // namespace sluice::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  static RequestHead head;
  static H2HeadBuffer client_buffer;
  static H2HeadBuffer server_buffer;
  static const H2Limits limits;
  if (size == 0) return 0;
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (ParseRequestHead(input, 0, H1Limits{}, &head).status != ParseStatus::kComplete) return 0;
  H2Session client(H2Role::kClient, limits, client_buffer);
  H2Session server(H2Role::kServer, limits, server_buffer);
  client.Start(kNow);
  server.Start(kNow);
  const bool has_body = head.body == BodyKind::kChunked || head.content_length > 0;
  for (int i = 0; i < 2; ++i) {  // The second time out of the tables.
    SLUICE_CHECK(client.SubmitRequest(head, {}, !has_body, 0) != 0);
    const std::string bytes = Output(client);
    std::string_view rest = bytes;
    const H2Event event = server.Next(&rest, kNow);
    if (event.kind == H2Event::Kind::kReset) {
      // What HTTP/1.0 and a head of nearly the largest size may have and HTTP/2 may not.
      SLUICE_CHECK(event.reason == H2Reason::kHostMissing ||
                   event.reason == H2Reason::kHostInvalid ||
                   event.reason == H2Reason::kTooManyHeaders ||
                   event.reason == H2Reason::kHeaderListTooLarge);
      return 0;
    }
    SLUICE_CHECK(event.kind == H2Event::Kind::kRequest && rest.empty());
    CheckSame(head, server_buffer.request);
  }
  return 0;
}
