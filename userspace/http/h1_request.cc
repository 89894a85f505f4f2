#include <cstring>

#include "userspace/http/h1_cursor.h"
#include "userspace/http/h1_fields.h"
#include "userspace/http/h1_target.h"
#include "userspace/http/h1_upgrade.h"

namespace sluice::http {
namespace {

constexpr ptrdiff_t kMethodSizeMax = 32;
constexpr int kLeadingEmptyLinesMax = 2;  // RFC 9112 section 2.2 asks for at least one.
constexpr char kTlsHandshakeRecord = 0x16;
constexpr size_t kVersionSizeMax = 16;

ParseStatus SkipEmptyLines(Cursor& cursor) {
  for (int lines = 0; cursor.next != cursor.end && *cursor.next == '\r'; ++lines) {
    if (lines == kLeadingEmptyLinesMax) return cursor.Refuse(BadReason::kLeadingEmptyLines);
    if (const ParseStatus status = TakeLineEnd(cursor); status != ParseStatus::kComplete)
      return status;
  }
  return ParseStatus::kComplete;
}

// A stop byte where the request line must go on.
ParseStatus RefuseStop(Cursor& cursor, const char* stop, BadReason if_line_end,
                       BadReason if_other) {
  cursor.next = stop;
  if (!IsControl(*stop)) return cursor.Refuse(if_other);
  const ParseStatus status = TakeLineEnd(cursor);
  return status == ParseStatus::kComplete ? cursor.Refuse(if_line_end) : status;
}

// Passes "METHOD ".
ParseStatus TakeMethod(Cursor& cursor, std::string_view* method) {
  const char* begin = cursor.next;
  const char* limit = cursor.end - begin > kMethodSizeMax ? begin + kMethodSizeMax + 1 : cursor.end;
  const char* p = begin;
  while (p != limit && IsToken(*p)) ++p;
  if (p - begin > kMethodSizeMax) return cursor.Refuse(BadReason::kMethodInvalid);
  if (p == cursor.end) return ParseStatus::kNeedMore;
  if (*p == ' ' && p != begin) {
    *method = std::string_view(begin, static_cast<size_t>(p - begin));
    cursor.next = p + 1;
    return ParseStatus::kComplete;
  }
  if (p == begin && *p == kTlsHandshakeRecord) return cursor.Refuse(BadReason::kTlsOnPlainPort);
  return RefuseStop(cursor, p, BadReason::kRequestLineMalformed, BadReason::kMethodInvalid);
}

// Passes "target ".
ParseStatus TakeTarget(Cursor& cursor, uint32_t size_max, std::string_view* target) {
  const char* begin = cursor.next;
  const bool is_clipped = static_cast<size_t>(cursor.end - begin) > size_max;
  const char* limit = is_clipped ? begin + size_max + 1 : cursor.end;
  const char* p = Find<TargetStop>(begin, cursor.begin, limit);
  if (p == limit)
    return is_clipped ? cursor.Refuse(BadReason::kTargetTooLong) : ParseStatus::kNeedMore;
  if (*p == ' ' && p != begin) {
    *target = std::string_view(begin, static_cast<size_t>(p - begin));
    cursor.next = p + 1;
    return ParseStatus::kComplete;
  }
  if (IsBlank(*p)) return cursor.Refuse(BadReason::kRequestLineMalformed);
  const BadReason if_line_end =
      p == begin ? BadReason::kRequestLineMalformed : BadReason::kVersionMissing;
  return RefuseStop(cursor, p, if_line_end, BadReason::kTargetInvalid);
}

// Passes "HTTP/1.x" and CR LF.
ParseStatus TakeVersion(Cursor& cursor, RequestHead& head) {
  const char* begin = cursor.next;
  if (cursor.end - begin >= 10 && std::memcmp(begin, "HTTP/1.1\r\n", 10) == 0) [[likely]] {
    head.minor_version = 1;
    cursor.next = begin + 10;
    return ParseStatus::kComplete;
  }
  const char* p = begin;
  while (p != cursor.end && *p > 0x20 && *p != 0x7f) {
    if (static_cast<size_t>(++p - begin) > kVersionSizeMax)
      return cursor.Refuse(BadReason::kVersionMalformed);
  }
  if (p == cursor.end) return ParseStatus::kNeedMore;
  cursor.next = p;
  if (!IsControl(*p)) return cursor.Refuse(BadReason::kRequestLineMalformed);
  if (const ParseStatus status = TakeLineEnd(cursor); status != ParseStatus::kComplete)
    return status;
  const std::string_view text(begin, static_cast<size_t>(p - begin));
  if (text.empty()) return cursor.Refuse(BadReason::kVersionMissing);
  switch (VersionOf(text)) {
    case Version::kHttp11:
    case Version::kHttp10:
      head.minor_version = text.back() == '1' ? 1 : 0;
      return ParseStatus::kComplete;
    case Version::kHttp2: {
      const bool is_preface = head.method == "PRI" && head.target == "*";
      return cursor.Refuse(is_preface ? BadReason::kHttp2Preface : BadReason::kVersionUnsupported);
    }
    case Version::kOther:
      return cursor.Refuse(BadReason::kVersionUnsupported);
    case Version::kMalformed:
      break;
  }
  return cursor.Refuse(BadReason::kVersionMalformed);
}

BadReason CheckHost(RequestHead& head, const FieldFacts& facts, std::string_view target_authority) {
  const uint8_t hosts = facts.Count(HeaderId::kHost);
  if (hosts > 1) return BadReason::kHostDuplicate;
  if (hosts == 0) {
    head.authority = target_authority;  // HTTP/1.0 may go without.
    return head.minor_version == 0 ? BadReason::kNone : BadReason::kHostMissing;
  }
  head.authority = head.header_array[facts.First(HeaderId::kHost)].value;
  if (!IsValidHost(head.authority)) return BadReason::kHostInvalid;
  // RFC 9112 section 3.2.2 lets the target win; whoever then reads Host is fooled, so both must say
  // the same.
  if (target_authority.empty() || EqualsIgnoreCase(head.authority, target_authority))
    return BadReason::kNone;
  return BadReason::kHostMismatch;
}

BadReason CheckExpect(RequestHead& head, const FieldFacts& facts) {
  head.expects_continue = false;
  const uint8_t expects = facts.Count(HeaderId::kExpect);
  if (expects == 0) return BadReason::kNone;
  const std::string_view value = head.header_array[facts.First(HeaderId::kExpect)].value;
  if (expects > 1 || !EqualsIgnoreCase(value, "100-continue")) return BadReason::kExpectInvalid;
  // RFC 9110 section 10.1.1: nothing to wait for without a body, and HTTP/1.0 does not know it.
  const bool has_body = head.body == BodyKind::kChunked || head.content_length > 0;
  head.expects_continue = has_body && head.minor_version > 0;
  return BadReason::kNone;
}

bool AsksForOtherProtocol(const RequestHead& head, const FieldFacts& facts) {
  return facts.Count(HeaderId::kUpgrade) > 0 && OffersProtocol(head);
}

BadReason CheckFields(RequestHead& head, const FieldFacts& facts,
                      std::string_view target_authority) {
  BadReason bad = CheckHost(head, facts, target_authority);
  if (bad != BadReason::kNone) return bad;
  Framing framing;
  bad = DecideFraming(head.header_array.data(), facts, head.minor_version, &framing);
  if (bad != BadReason::kNone) return bad;
  head.body = framing.kind;
  head.content_length = framing.content_length;
  ConnectionFacts connection;
  bad = ApplyConnection(head.header_array.data(), head.header_count, facts, &connection);
  if (bad != BadReason::kNone) return bad;
  head.is_keep_alive =
      !connection.has_close && (head.minor_version > 0 || connection.has_keep_alive);
  head.wants_upgrade =
      (connection.has_upgrade && AsksForOtherProtocol(head, facts)) || head.method == "CONNECT";
  return CheckExpect(head, facts);
}

ParseStatus ParseRequestOnce(Cursor& cursor, const H1Limits& limits, RequestHead& head) {
  ParseStatus status = SkipEmptyLines(cursor);
  if (status == ParseStatus::kComplete) status = TakeMethod(cursor, &head.method);
  if (status == ParseStatus::kComplete)
    status = TakeTarget(cursor, limits.target_size_max, &head.target);
  if (status == ParseStatus::kComplete) status = TakeVersion(cursor, head);
  if (status != ParseStatus::kComplete) return status;
  std::string_view target_authority;
  if (!SplitTarget(head, &target_authority)) return cursor.Refuse(BadReason::kTargetInvalid);
  FieldFacts facts;
  const uint32_t count_max = std::min<uint32_t>(limits.header_count_max, kHeaderRoom);
  status = ParseFields(cursor, count_max, head.header_array.data(), &head.header_count, &facts);
  if (status != ParseStatus::kComplete) return status;
  head.head_size = static_cast<uint32_t>(cursor.next - cursor.begin);
  const BadReason bad = CheckFields(head, facts, target_authority);
  return bad == BadReason::kNone ? ParseStatus::kComplete : cursor.Refuse(bad);
}

}  // namespace

ParseResult ParseRequestHead(std::string_view input, uint32_t scanned, const H1Limits& limits,
                             RequestHead* out) {
  return ParseHead(input, scanned, limits, [&limits, out](Cursor& cursor) {
    return ParseRequestOnce(cursor, limits, *out);
  });
}

}  // namespace sluice::http
