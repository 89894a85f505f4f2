// Requests as a client's connection carries them, through the proxy's readers and writers and back:
// what comes out as HTTP/1.1 or HTTP/2 says as many requests, and the same, as went in. Nothing is
// smuggled, also not past a lenient reader.
// The first byte chooses what the rest is: pipelined HTTP/1.1; frames of HTTP/2; or HTTP/1.1 that a
// client of ours makes frames of, some bytes of which are then changed (the last third).
#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fuzz/plain_reader.h"
#include "userspace/base/check.h"
#include "userspace/base/text.h"
#include "userspace/http/h1_reasons.h"
#include "userspace/http/h2_session.h"
#include "userspace/proxy/held_trailers.h"
#include "userspace/proxy/http1_body.h"

namespace sluice::http {
namespace {

constexpr uint64_t kNow = 1'000'000'000'000;
const H1Limits kLimits;
const H1Limits kWrittenLimits{.head_size_max = 2 * H1Limits{}.head_size_max};
const H2Limits kSessionLimits;

struct Request {
  std::string method;
  std::string path;
  std::string query;
  std::string authority;
  std::string body;
  std::string trailers;  // Lines, names in lower case.
  std::string head;      // As it goes on: text of HTTP/1.1.
  BodyKind kind = BodyKind::kNone;

  bool IsSame(const Request& other) const {
    return method == other.method && path == other.path && query == other.query &&
           authority == other.authority && body == other.body && trailers == other.trailers;
  }
};

std::string LowerLines(absl::Span<const Header> trailers) {
  std::string lines;
  for (const Header& trailer : trailers) {
    for (const char c : trailer.name) lines += static_cast<char>(std::tolower(c));
    lines.append(": ").append(trailer.value).append("\n");
  }
  return lines;
}

Request RequestOf(const RequestHead& head) {
  Request request{.method = std::string(head.method),
                  .path = std::string(head.path),
                  .query = std::string(head.query),
                  .authority = std::string(head.authority),
                  .kind = head.body};
  request.head.resize(RequestHeadBound(head, {}));
  request.head.resize(WriteRequestHead(head, {}, request.head.data(), request.head.size()));
  SLUICE_CHECK(!request.head.empty());
  return request;
}

// --- HTTP/1.1

// Up to the first that is broken, cut or a tunnel. `rest`: what is left then.
std::vector<Request> ReadHttp1(std::string_view input, const H1Limits& limits,
                               std::string_view* rest) {
  static RequestHead head;
  std::vector<Request> requests;
  for (*rest = input; !input.empty(); *rest = input) {
    if (ParseRequestHead(input, 0, limits, &head).status != ParseStatus::kComplete) break;
    if (head.wants_upgrade) break;
    input.remove_prefix(head.head_size);
    Request request = RequestOf(head);
    BodyFramer framer;
    proxy::H1BodyReader reader;
    framer.Start(head.body, head.content_length, limits);
    if (!framer.is_complete()) {
      const BodyFramer::Progress progress =
          reader.Read(framer, &input, [&request](std::string_view piece) {
            request.body.append(piece);
            return true;
          });
      if (progress.status != ParseStatus::kComplete) break;
    }
    const std::string lines = reader.TakeTrailers();
    proxy::TrailerRoom room;
    request.trailers = LowerLines(proxy::ReadTrailerLines(lines, room));
    requests.push_back(std::move(request));
  }
  return requests;
}

// As proxy::H1BodyWriter writes content to a stream: in chunks where the head says so.
std::string WriteHttp1(const std::vector<Request>& requests) {
  std::string text;
  for (const Request& request : requests) {
    text += request.head;
    if (request.kind != BodyKind::kChunked) {
      text += request.body;
      continue;
    }
    const std::string_view body = request.body;
    for (size_t begin = 0; begin < body.size(); begin += 1000) {
      const std::string_view part = body.substr(begin, 1000);
      char size[20];
      std::snprintf(size, sizeof size, "%zx\r\n", part.size());
      text.append(size).append(part).append("\r\n");
    }
    text += "0\r\n";
    for (const char c : request.trailers) text += c == '\n' ? "\r\n" : std::string(1, c);
    text += "\r\n";
  }
  return text;
}

// --- HTTP/2

class Bodies : public H2Source {
 public:
  void Read(uint32_t stream, uint64_t, char* out, size_t size) override {
    std::string& body = left_[stream];
    SLUICE_CHECK(size <= body.size());
    body.copy(out, size);
    body.erase(0, size);
  }
  void Put(uint32_t stream, std::string_view body) { left_[stream] = body; }

 private:
  std::map<uint32_t, std::string> left_;
};

std::string Output(H2Session& session, Bodies& bodies) {
  std::string out(128 * 1024, '\0');
  out.resize(session.Produce(out.data(), out.size(), bodies));
  return out;
}

// The server's end of a connection: requests in the order in which they ended.
class Http2Reader {
 public:
  Http2Reader() : session_(H2Role::kServer, kSessionLimits, buffer_) { session_.Start(kNow); }

  // Returns what it answers.
  std::string Take(std::string_view input) {
    for (;;) {
      const H2Event event = session_.Next(&input, kNow);
      if (event.kind == H2Event::Kind::kNone || event.kind == H2Event::Kind::kFailed) break;
      TakeEvent(event);
    }
    return Output(session_, nothing_);
  }
  std::vector<Request>& requests() { return requests_; }
  const std::vector<H2Reason>& refusals() const { return refusals_; }
  bool is_failed() const { return session_.is_failed(); }

 private:
  void TakeEvent(const H2Event& event) {
    using Kind = H2Event::Kind;
    if (event.kind == Kind::kReset) {
      open_.erase(event.stream);
      if (event.reason != H2Reason::kNone) refusals_.push_back(event.reason);
      return;
    }
    if (event.kind == Kind::kGoaway) return;
    if (event.kind == Kind::kRequest && !buffer_.request.wants_upgrade) {
      open_[event.stream] = RequestOf(buffer_.request);
    }
    session_.Consume(event.stream, static_cast<uint32_t>(event.data.size()));
    const auto found = open_.find(event.stream);
    if (found == open_.end()) return;
    Request& request = found->second;
    request.body.append(event.data);
    if (event.kind == Kind::kTrailers) request.trailers = LowerLines(buffer_.trailers);
    if (!event.is_end_stream && event.kind != Kind::kTrailers) return;
    // Nothing can stand behind a body whose length was told.
    if (request.kind != BodyKind::kChunked) request.trailers.clear();
    requests_.push_back(std::move(request));
    open_.erase(found);
  }

  H2HeadBuffer buffer_;
  H2Session session_;
  Bodies nothing_;
  std::map<uint32_t, Request> open_;
  std::vector<Request> requests_;
  std::vector<H2Reason> refusals_;
};

class Http2Writer {
 public:
  Http2Writer() : session_(H2Role::kClient, kSessionLimits, buffer_) { session_.Start(kNow); }

  void Submit(const Request& request) {
    static RequestHead head;
    SLUICE_CHECK(ParseRequestHead(request.head, 0, kWrittenLimits, &head).status ==
                 ParseStatus::kComplete);
    const bool is_end = request.kind == BodyKind::kNone;
    const uint32_t id = session_.SubmitRequest(head, {}, is_end, 0);
    SLUICE_CHECK(id != 0);
    if (is_end) return;
    bodies_.Put(id, request.body);
    session_.Offer(id, request.body.size(), request.trailers.empty());
    if (!request.trailers.empty()) trailers_.emplace_back(id, request.trailers);
  }
  void Take(std::string_view input) {
    while (session_.Next(&input, kNow).kind != H2Event::Kind::kNone) continue;
    SLUICE_CHECK(!session_.is_failed());
  }
  std::string Take() {
    std::string out = Output(session_, bodies_);
    for (auto& [id, lines] : trailers_) {
      if (lines.empty() || session_.offered_size(id) > 0) continue;
      std::string with_ends;
      for (const char c : lines) with_ends += c == '\n' ? "\r\n" : std::string(1, c);
      proxy::TrailerRoom room;
      session_.SubmitTrailers(id, proxy::ReadTrailerLines(with_ends, room));
      lines.clear();
    }
    return out.empty() && session_.HasOutput() ? Output(session_, bodies_) : out;
  }

 private:
  H2HeadBuffer buffer_;
  H2Session session_;
  Bodies bodies_;
  std::vector<std::pair<uint32_t, std::string>> trailers_;
};

// --- What must hold.

void CheckSame(const std::vector<Request>& sent, const std::vector<Request>& got) {
  SLUICE_CHECK(sent.size() == got.size());
  for (size_t i = 0; i < sent.size(); ++i) SLUICE_CHECK(sent[i].IsSame(got[i]));
}

void CheckAsHttp1(const std::vector<Request>& sent) {
  const std::string text = WriteHttp1(sent);
  std::string_view rest;
  const std::vector<Request> got = ReadHttp1(text, kWrittenLimits, &rest);
  if (!rest.empty()) {  // "host", "connection" and "te" may have come on top of as many as may be.
    static RequestHead head;
    SLUICE_CHECK(ParseRequestHead(rest, 0, kWrittenLimits, &head).bad ==
                 BadReason::kTooManyHeaders);
    return;
  }
  CheckSame(sent, got);
  const std::vector<PlainRequest> plain = PlainReader(text).ReadAll();
  SLUICE_CHECK(plain.size() == sent.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    const std::string with_query = base::Concat(sent[i].path, "?", sent[i].query);
    const std::string& read = plain[i].target;  // An empty query may have kept its "?".
    SLUICE_CHECK(read == with_query || (sent[i].query.empty() && read == sent[i].path));
    SLUICE_CHECK(plain[i].method == sent[i].method);
    SLUICE_CHECK(plain[i].host == sent[i].authority && plain[i].body == sent[i].body);
  }
}

// What HTTP/1.0 and a head of nearly the largest size may have and HTTP/2 may not.
bool MayRefuse(H2Reason reason) {
  return reason == H2Reason::kHostMissing || reason == H2Reason::kHostInvalid ||
         reason == H2Reason::kTooManyHeaders || reason == H2Reason::kHeaderListTooLarge;
}

// One connection each, so that a refusal is told apart from what it might do to the next.
void CheckAsHttp2(const std::vector<Request>& sent) {
  for (const Request& request : sent) {
    static RequestHead head;
    const ParseResult own = ParseRequestHead(request.head, 0, kWrittenLimits, &head);
    if (own.bad == BadReason::kTooManyHeaders) continue;
    Http2Writer writer;
    Http2Reader reader;
    writer.Take(reader.Take(writer.Take()));
    writer.Submit(request);
    for (std::string bytes = writer.Take(); !bytes.empty(); bytes = writer.Take()) {
      writer.Take(reader.Take(bytes));
      SLUICE_CHECK(!reader.is_failed());
    }
    if (!reader.refusals().empty()) {
      SLUICE_CHECK(MayRefuse(reader.refusals().front()) && reader.requests().empty());
      continue;
    }
    CheckSame({request}, reader.requests());
    CheckAsHttp1(reader.requests());
  }
}

void CheckAll(const std::vector<Request>& requests) {
  CheckAsHttp1(requests);
  CheckAsHttp2(requests);
}

// --- What goes in.

void FromHttp1(std::string_view input) {
  std::string_view rest;
  const std::vector<Request> requests = ReadHttp1(input, kLimits, &rest);
  CheckAll(requests);
}

std::string Preface() {
  std::string bytes(kH2Preface);
  PutFrameHeader({.type = static_cast<uint8_t>(H2FrameType::kSettings)}, bytes);
  return bytes;
}

void FromHttp2(std::string_view frames) {
  Http2Reader reader;
  reader.Take(Preface());
  reader.Take(frames);
  CheckAll(reader.requests());
}

void FromChangedHttp2(std::string_view input) {
  const std::string_view changes = input.substr(input.size() - input.size() / 3);
  std::string_view rest;
  Http2Writer writer;
  std::string frames = writer.Take();
  for (const Request& request : ReadHttp1(input, kLimits, &rest)) {
    static RequestHead head;
    if (ParseRequestHead(request.head, 0, kWrittenLimits, &head).status != ParseStatus::kComplete) {
      break;
    }
    writer.Submit(request);
    frames += writer.Take();
  }
  for (size_t i = 0; i + 2 < changes.size(); i += 3) {
    const auto at = [&changes](size_t place) { return static_cast<uint8_t>(changes[place]); };
    const size_t place = (at(i) * 256u + at(i + 1)) % frames.size();
    frames[place] = static_cast<char>(frames[place] ^ at(i + 2));
  }
  Http2Reader reader;
  reader.Take(frames);
  CheckAll(reader.requests());
}

}  // namespace
}  // namespace sluice::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  if (size == 0) return 0;
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      FromHttp1(input);
      return 0;
    case 1:
      FromHttp2(input);
      return 0;
    default:
      FromChangedHttp2(input);
      return 0;
  }
}
