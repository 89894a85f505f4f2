// HTTP/1.1 (RFC 9110, RFC 9112) without I/O: strict head parsers, body framing and serialisation.
// No allocation; views point into the caller's bytes. Strict means: what two parsers could read
// differently is refused with a reason. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace sluice::http {

// Headers that the proxy itself has to know; everything else is kOther. X-macro in h1_names.h.
enum class HeaderId : uint8_t {
  kOther,
  kHost,
  kConnection,
  kContentLength,
  kTransferEncoding,
  kExpect,
  kUpgrade,
  kKeepAlive,
  kProxyConnection,
  kTe,
  kTrailer,
  kDate,
  kServer,
  kContentType,
  kUserAgent,
};

struct Header {
  std::string_view name;   // As sent.
  std::string_view value;  // Without surrounding white space.
  HeaderId id = HeaderId::kOther;
  bool is_hop_by_hop = false;  // Connection, Keep-Alive, Proxy-Connection, TE, Upgrade and those
                               // named by Connection.
  bool is_added = false;       // HTTP/2 did not have it: for the framing of HTTP/1.1 alone.
  bool is_never_indexed =
      false;  // HTTP/2: a secret, to be sent on as one (RFC 7541 section 7.1.3).
};

// Fields that a peer may send in a head, and the room for them and for what routes and the proxy
// add to it (controller/store/decode_filters.cc: 16 set and 16 added by a rule, as many by its
// backend).
inline constexpr size_t kHeaderCountMax = 100;
inline constexpr size_t kHeaderRoom = kHeaderCountMax + 4 * 16 + 12;

struct H1Limits {
  uint32_t head_size_max = 64 * 1024;    // Start line and fields with their line ends, bytes.
  uint32_t target_size_max = 16 * 1024;  // Request target, bytes.
  uint32_t header_count_max = kHeaderCountMax;
  uint32_t trailer_size_max = 8 * 1024;  // Trailer section, bytes.
  uint32_t chunk_line_size_max = 256;    // Chunk size with extensions, bytes.
};

// One enumerator per refusal, each with a metric label and a sentence: BadReasonName(),
// BadReasonText(). X-macro list in h1_reasons.h.
enum class BadReason : uint8_t;
std::string_view BadReasonName(BadReason reason);  // snake_case label.
std::string_view BadReasonText(BadReason reason);  // A sentence for logs and the answer's body.
uint16_t BadReasonStatus(BadReason reason);        // 400, 414, 417, 431, 501 or 505.

enum class ParseStatus : uint8_t { kComplete, kNeedMore, kBad };

enum class BodyKind : uint8_t { kNone, kLength, kChunked, kUntilClose };

struct RequestHead {
  std::string_view method;
  std::string_view target;  // As sent.
  std::string_view
      path;  // Of the target (origin-form, or absolute-form's path; "*" for OPTIONS *).
  std::string_view query;         // Without "?".
  std::string_view authority;     // Host's value; equals that of an absolute-form target.
  uint8_t minor_version = 1;      // HTTP/1.<minor>: 0 or 1.
  bool is_keep_alive = true;      // What version and Connection say.
  bool expects_continue = false;  // HTTP/1.1 with a body and "Expect: 100-continue".
  bool wants_upgrade =
      false;  // OffersProtocol (h1_upgrade.h) with Connection: upgrade, or method CONNECT.
  BodyKind body = BodyKind::kNone;  // Never kUntilClose.
  uint64_t content_length = 0;      // If kLength.
  uint32_t head_size = 0;           // Bytes of the head in the input, final CRLF included.
  uint32_t header_count = 0;
  uint8_t secret_pseudo = 0;  // HTTP/2: as Header::is_never_indexed, see h2_secrets.h.
  std::array<Header, kHeaderRoom> header_array;
  absl::Span<const Header> headers() const { return {header_array.data(), header_count}; }
};

struct ResponseHead {
  uint16_t status = 0;  // 100..599
  std::string_view reason;
  uint8_t minor_version = 1;
  bool is_keep_alive = true;
  BodyKind body = BodyKind::kNone;
  uint64_t content_length = 0;
  uint32_t head_size = 0;
  uint32_t header_count = 0;
  uint8_t secret_pseudo = 0;  // As in RequestHead.
  std::array<Header, kHeaderRoom> header_array;
  absl::Span<const Header> headers() const { return {header_array.data(), header_count}; }
};

struct ParseResult {
  ParseStatus status = ParseStatus::kNeedMore;
  BadReason bad{};  // If kBad.
  uint32_t scanned =
      0;  // If kNeedMore: pass back with more input, so that no byte is searched twice.
};

// Parses a head at the start of `input`. On kComplete `out` is filled and out->head_size bytes are
// used up. Leading empty lines (at most two CRLF) before a request line are skipped and counted in
// head_size. kBad may come before the head is complete.
ParseResult ParseRequestHead(std::string_view input, uint32_t scanned, const H1Limits& limits,
                             RequestHead* out);
// `request_method` decides the body (RFC 9112 section 6.3): HEAD, 1xx, 204 and 304 have none, nor
// has what follows a 2xx to CONNECT. 101 is refused unless an upgrade was asked for (`may_switch`).
ParseResult ParseResponseHead(std::string_view input, uint32_t scanned, const H1Limits& limits,
                              std::string_view request_method, ResponseHead* out,
                              bool may_switch = false);

// Follows the framing of one body so that it can be forwarded verbatim. Small: lives in every
// connection.
class BodyFramer {
 public:
  struct Progress {
    size_t consumed =
        0;  // Bytes of `input` that belong to the message, framing and trailers included.
    ParseStatus status = ParseStatus::kNeedMore;  // kComplete: the message ends after `consumed`.
    BadReason bad{};
  };
  // For kUntilClose everything belongs to the message until Finish.
  void Start(BodyKind kind, uint64_t content_length, const H1Limits& limits);
  Progress Feed(std::string_view input);
  // The same for who needs the content without its framing: stops behind each piece of content,
  // which is then in *content, and where the trailer section begins. Else *content is empty.
  Progress FeedPiece(std::string_view input, std::string_view* content);
  // What is consumed now is the trailer section, its last empty line included.
  bool is_in_trailers() const;
  // The peer closed: true if that is a proper end (kUntilClose, or already complete).
  bool IsCompleteAtClose() const;
  bool is_complete() const;
  uint64_t body_size() const;  // Content bytes seen so far, without framing.

 private:
  enum class State : uint8_t;
  Progress Fail(size_t consumed, BadReason bad);
  BadReason StepSize(char c);
  BadReason StepExtension(char c);
  BadReason StepTrailer(char c);
  BadReason Step(char c);
  BadReason EndChunkLine();
  BadReason EndTrailerName();
  size_t TakeContent(size_t size);

  State state_{};
  BodyKind kind_ = BodyKind::kNone;
  uint16_t line_size_ = 0;
  uint16_t trailer_size_ = 0;
  uint64_t remaining_ =
      0;  // Of the content or chunk; the hash of a trailer's name; the fault, once bad.
  uint64_t body_size_ = 0;
  H1Limits const* limits_ = nullptr;
};

// Changes to a head while it is forwarded.
struct HeaderChange {
  enum class Kind : uint8_t { kSet, kAdd, kRemove };
  Kind kind = Kind::kSet;
  std::string name;  // Lower case.
  std::string value;
};

struct RequestRewrite {
  std::string_view target;     // Empty: as sent (an absolute-form target becomes origin-form).
  std::string_view authority;  // Empty: as sent.
  absl::Span<const HeaderChange> rule_changes;  // Applied in this order.
  absl::Span<const HeaderChange> backend_changes;
  std::string_view upgrade;  // Not empty: "connection: upgrade" with these protocols.
};

struct ResponseRewrite {
  bool close = false;               // Say "connection: close" to the client.
  bool keep_alive_for_1_0 = false;  // Say "connection: keep-alive" to an HTTP/1.0 client.
  absl::Span<const HeaderChange> rule_changes;
  absl::Span<const HeaderChange> backend_changes;
  std::string_view upgrade;  // As in RequestRewrite: of a 101 and a 426.
};

// Writes the head to be forwarded: hop-by-hop fields are gone, Transfer-Encoding and Content-Length
// stay as the framing needs them (never both), "te: trailers" is kept when sent, changes are
// applied. Returns its size, or 0 if `out_size` is too small (head_size + sum of changes + 256 is
// always enough: RequestHeadBound). Changes of framing and hop-by-hop fields are left out; of Host
// only kSet counts. kAdd joins with ", " (a Set-Cookie becomes a line of its own). An HTTP/1.0
// request stays one and says "connection: close"; responses become HTTP/1.1. Requires changes with
// IsFieldName and IsFieldValue, and a head whose input is still there.
size_t WriteRequestHead(const RequestHead& head, const RequestRewrite& rewrite, char* out,
                        size_t out_size);
size_t WriteResponseHead(const ResponseHead& head, const ResponseRewrite& rewrite, char* out,
                         size_t out_size);
size_t RequestHeadBound(const RequestHead& head, const RequestRewrite& rewrite);
size_t ResponseHeadBound(const ResponseHead& head, const ResponseRewrite& rewrite);

// What a HeaderChange may carry: a token; text without control characters and surrounding white
// space.
bool IsFieldName(std::string_view name);
bool IsFieldValue(std::string_view value);

// A whole small answer of our own: status line, content-type text/plain, content-length, extra
// header lines
// ("name: value\r\n" each, or empty), connection: close if `close`. For HEAD the body is left out,
// its length kept.
std::string LocalResponse(uint16_t status, std::string_view body, std::string_view extra_headers,
                          bool close, bool is_head);
std::string_view StatusText(uint16_t status);  // "Not Found"; "" if unknown.

}  // namespace sluice::http
