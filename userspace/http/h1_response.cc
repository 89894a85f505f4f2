#include <cstring>

#include "userspace/http/h1_cursor.h"
#include "userspace/http/h1_fields.h"

namespace sluice::http {
namespace {

constexpr ptrdiff_t kStatusLineSizeMin = 12;  // "HTTP/1.1 200"

// Passes "HTTP/1.x NNN". Decides on each byte as it comes, so that a peer that speaks something
// else is known at once.
ParseStatus TakeVersionAndStatus(Cursor& cursor, ResponseHead& head) {
  static constexpr char kShape[] = "HTTP/v.v sdd";
  static_assert(sizeof(kShape) - 1 == kStatusLineSizeMin);
  const char* line = cursor.next;
  const ptrdiff_t size = std::min<ptrdiff_t>(cursor.end - line, kStatusLineSizeMin);
  for (ptrdiff_t i = 0; i < size; ++i) {
    const char shape = kShape[i];
    const bool is_digit = shape == 'v' || shape == 's' || shape == 'd';
    if (!(is_digit ? IsDigit(line[i]) : line[i] == shape))
      return cursor.Refuse(BadReason::kStatusLineMalformed);
    if (shape == 's' && (line[i] < '1' || line[i] > '5'))
      return cursor.Refuse(BadReason::kStatusInvalid);
    if (i == 7 && (line[5] != '1' || line[7] > '1'))
      return cursor.Refuse(BadReason::kVersionUnsupported);
  }
  if (size < kStatusLineSizeMin) return ParseStatus::kNeedMore;
  head.minor_version = line[7] == '1' ? 1 : 0;
  head.status =
      static_cast<uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  cursor.next = line + kStatusLineSizeMin;
  return ParseStatus::kComplete;
}

// Passes " reason" and CR LF. The space is missing in the answers of many servers; nothing hangs on
// it.
ParseStatus TakeReason(Cursor& cursor, std::string_view* reason) {
  if (cursor.next == cursor.end) return ParseStatus::kNeedMore;
  const char* begin = cursor.next;
  if (*begin == ' ') {
    ++begin;
  } else if (!IsControl(*begin)) {
    return cursor.Refuse(BadReason::kStatusLineMalformed);
  }
  const char* p = Find<LineStop>(begin, cursor.begin, cursor.end);
  if (p == cursor.end) return ParseStatus::kNeedMore;
  cursor.next = p;
  *reason = std::string_view(begin, static_cast<size_t>(p - begin));
  return TakeLineEnd(cursor);
}

bool HasNoBody(uint16_t status, std::string_view request_method) {
  if (status < 200 || status == 204 || status == 304 || request_method == "HEAD") return true;
  return request_method == "CONNECT" && status < 300;
}

BadReason CheckFields(ResponseHead& head, const FieldFacts& facts,
                      std::string_view request_method) {
  Framing framing;
  BadReason bad = DecideFraming(head.header_array.data(), facts, head.minor_version, &framing);
  if (bad != BadReason::kNone) return bad;
  ConnectionFacts connection;
  bad = ApplyConnection(head.header_array.data(), head.header_count, facts, &connection);
  if (bad != BadReason::kNone) return bad;
  head.is_keep_alive =
      !connection.has_close && (head.minor_version > 0 || connection.has_keep_alive);
  head.content_length = framing.content_length;
  if (HasNoBody(head.status, request_method)) {
    head.body = BodyKind::kNone;
  } else if (framing.kind == BodyKind::kNone) {
    head.body = BodyKind::kUntilClose;
    head.is_keep_alive = false;
  } else {
    head.body = framing.kind;
  }
  return BadReason::kNone;
}

ParseStatus ParseResponseOnce(Cursor& cursor, const H1Limits& limits,
                              std::string_view request_method, bool may_switch,
                              ResponseHead& head) {
  ParseStatus status = TakeVersionAndStatus(cursor, head);
  if (status == ParseStatus::kComplete) status = TakeReason(cursor, &head.reason);
  if (status != ParseStatus::kComplete) return status;
  // A server that switches unasked answers a request that somebody smuggled in.
  if (head.status == 101 && !may_switch) return cursor.Refuse(BadReason::kStatusUnsolicited);
  FieldFacts facts;
  const uint32_t count_max = std::min<uint32_t>(limits.header_count_max, kHeaderRoom);
  status = ParseFields(cursor, count_max, head.header_array.data(), &head.header_count, &facts);
  if (status != ParseStatus::kComplete) return status;
  head.head_size = static_cast<uint32_t>(cursor.next - cursor.begin);
  const BadReason bad = CheckFields(head, facts, request_method);
  return bad == BadReason::kNone ? ParseStatus::kComplete : cursor.Refuse(bad);
}

}  // namespace

ParseResult ParseResponseHead(std::string_view input, uint32_t scanned, const H1Limits& limits,
                              std::string_view request_method, ResponseHead* out, bool may_switch) {
  return ParseHead(input, scanned, limits, [&](Cursor& cursor) {
    return ParseResponseOnce(cursor, limits, request_method, may_switch, *out);
  });
}

}  // namespace sluice::http
