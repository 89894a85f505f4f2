#include "userspace/http/h1_fields.h"

namespace sluice::http {
namespace {

// Passes "name:".
ParseStatus TakeName(Cursor& cursor, std::string_view* name) {
  const char* begin = cursor.next;
  const char* p = Find<PlainNameStop>(begin, cursor.begin, cursor.end);
  if (p != cursor.end && *p != ':') [[unlikely]] {
    while (p != cursor.end && IsToken(*p)) ++p;  // "_" and the like: rare, so one by one.
  }
  if (p == cursor.end) return ParseStatus::kNeedMore;
  if (*p == ':') {
    if (p == begin) return cursor.Refuse(BadReason::kHeaderNameInvalid);
    *name = std::string_view(begin, static_cast<size_t>(p - begin));
    cursor.next = p + 1;
    return ParseStatus::kComplete;
  }
  if (p == begin && IsBlank(*p)) return cursor.Refuse(BadReason::kObsFold);
  if (IsBlank(*p)) {
    while (p != cursor.end && IsBlank(*p)) ++p;
    if (p == cursor.end) return ParseStatus::kNeedMore;
    return cursor.Refuse(*p == ':' ? BadReason::kSpaceBeforeColon : BadReason::kHeaderNameInvalid);
  }
  if (!IsControl(*p)) return cursor.Refuse(BadReason::kHeaderNameInvalid);
  cursor.next = p;
  const ParseStatus line_end = TakeLineEnd(cursor);
  return line_end == ParseStatus::kComplete ? cursor.Refuse(BadReason::kColonMissing) : line_end;
}

// Passes the value and its CR LF.
ParseStatus TakeValue(Cursor& cursor, std::string_view* value) {
  const char* begin = cursor.next;
  while (begin != cursor.end && IsBlank(*begin)) ++begin;
  const char* stop = Find<LineStop>(begin, cursor.begin, cursor.end);
  if (stop == cursor.end) return ParseStatus::kNeedMore;
  const char* last = stop;
  while (last != begin && IsBlank(last[-1])) --last;
  cursor.next = stop;
  *value = std::string_view(begin, static_cast<size_t>(last - begin));
  return TakeLineEnd(cursor);
}

BadReason TransferEncodingFault(std::string_view value) {
  static constexpr std::string_view kCodings[] = {"gzip", "x-gzip", "compress", "x-compress",
                                                  "deflate"};
  // A sound list that ends in chunked but has codings we lack is "not implemented"; everything else
  // is a trick.
  int others = 0;
  bool is_chunked = false;
  const bool is_sound = ForEachListMember(value, [&](std::string_view member) {
    if (is_chunked) return false;
    if (EqualsIgnoreCase(member, "chunked")) return is_chunked = true;
    for (const std::string_view coding : kCodings) {
      if (EqualsIgnoreCase(member, coding)) return ++others > 0;
    }
    return false;
  });
  const bool is_list = is_sound && is_chunked && others > 0;
  return is_list ? BadReason::kTransferEncodingUnsupported : BadReason::kTransferEncodingInvalid;
}

bool IsTokenText(std::string_view text) {
  for (const char c : text) {
    if (!IsToken(c)) return false;
  }
  return !text.empty();
}

// The options of all Connection fields of one head: each costs a walk over the fields.
constexpr uint32_t kConnectionOptionCountMax = 32;

BadReason ApplyOption(std::string_view option, Header* headers, uint32_t count,
                      ConnectionFacts* connection) {
  if (!IsTokenText(option)) return BadReason::kConnectionInvalid;
  if (EqualsIgnoreCase(option, "close")) {
    connection->has_close = true;
    return BadReason::kNone;
  }
  switch (HeaderIdOf(option)) {
    case HeaderId::kKeepAlive:
      connection->has_keep_alive = true;
      return BadReason::kNone;
    case HeaderId::kUpgrade:
      connection->has_upgrade = true;
      return BadReason::kNone;
    case HeaderId::kConnection:
    case HeaderId::kProxyConnection:
    case HeaderId::kTe:
      return BadReason::kNone;  // Hop-by-hop without being named.
    case HeaderId::kHost:
    case HeaderId::kContentLength:
    case HeaderId::kTransferEncoding:
    case HeaderId::kContentType:
      return BadReason::kConnectionForbidden;
    case HeaderId::kOther:
    case HeaderId::kExpect:
    case HeaderId::kTrailer:
    case HeaderId::kDate:
    case HeaderId::kServer:
    case HeaderId::kUserAgent:
      break;
  }
  if (IsProtectedFromConnection(option)) return BadReason::kConnectionForbidden;
  for (uint32_t i = 0; i < count; ++i) {
    if (EqualsIgnoreCase(headers[i].name, option)) headers[i].is_hop_by_hop = true;
  }
  return BadReason::kNone;
}

}  // namespace

ParseStatus ParseFields(Cursor& cursor, uint32_t count_max, Header* headers, uint32_t* count,
                        FieldFacts* facts) {
  uint32_t n = 0;
  for (;;) {
    if (cursor.next == cursor.end) return ParseStatus::kNeedMore;
    if (*cursor.next == '\r') {
      const ParseStatus status = TakeLineEnd(cursor);
      *count = n;
      return status;
    }
    if (n == count_max) return cursor.Refuse(BadReason::kTooManyHeaders);
    Header& header = headers[n];
    ParseStatus status = TakeName(cursor, &header.name);
    if (status != ParseStatus::kComplete) return status;
    status = TakeValue(cursor, &header.value);
    if (status != ParseStatus::kComplete) return status;
    header.id = HeaderIdOf(header.name);
    header.is_hop_by_hop = IsHopByHop(header.id);
    header.is_never_indexed = false;
    const auto index = static_cast<size_t>(header.id);
    if (facts->count[index]++ == 0) facts->first[index] = static_cast<uint8_t>(n);
    const size_t name_size = header.name.size();
    const bool may_be_ambiguous = name_size == 14 || name_size == 17;  // Saves the call.
    if (header.id == HeaderId::kOther && may_be_ambiguous && IsAmbiguousName(header.name)) {
      return cursor.Refuse(BadReason::kHeaderNameAmbiguous);
    }
    ++n;
  }
}

bool ParseContentLength(std::string_view text, uint64_t* value) {
  constexpr size_t kDigitsMax = 18;  // Below 2^63 without an overflow check; an exabyte is enough.
  if (text.empty() || text.size() > kDigitsMax || (text.size() > 1 && text[0] == '0')) return false;
  uint64_t sum = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
    sum = sum * 10 + static_cast<uint64_t>(c - '0');
  }
  *value = sum;
  return true;
}

BadReason DecideFraming(const Header* headers, const FieldFacts& facts, uint8_t minor_version,
                        Framing* framing) {
  const uint8_t encodings = facts.Count(HeaderId::kTransferEncoding);
  const uint8_t lengths = facts.Count(HeaderId::kContentLength);
  if (encodings > 0) {
    if (lengths > 0) return BadReason::kBothLengths;
    if (minor_version == 0) return BadReason::kTransferEncodingOnHttp10;
    if (encodings > 1) return BadReason::kTransferEncodingDuplicate;
    const std::string_view value = headers[facts.First(HeaderId::kTransferEncoding)].value;
    if (!EqualsIgnoreCase(value, "chunked")) return TransferEncodingFault(value);
    framing->kind = BodyKind::kChunked;
    return BadReason::kNone;
  }
  if (lengths == 0) return BadReason::kNone;
  if (lengths > 1) return BadReason::kContentLengthDuplicate;
  const std::string_view value = headers[facts.First(HeaderId::kContentLength)].value;
  if (!ParseContentLength(value, &framing->content_length)) return BadReason::kContentLengthInvalid;
  framing->kind = BodyKind::kLength;
  return BadReason::kNone;
}

BadReason ApplyConnection(Header* headers, uint32_t count, const FieldFacts& facts,
                          ConnectionFacts* connection) {
  if (facts.Count(HeaderId::kConnection) == 0) return BadReason::kNone;
  const bool is_alone = facts.Count(HeaderId::kConnection) == 1;
  if (is_alone && headers[facts.First(HeaderId::kConnection)].value == "keep-alive") {
    connection->has_keep_alive = true;  // What most peers say: no list to walk.
    return BadReason::kNone;
  }
  uint32_t options = 0;
  for (uint32_t i = facts.First(HeaderId::kConnection); i < count; ++i) {
    if (headers[i].id != HeaderId::kConnection) continue;
    BadReason bad = BadReason::kNone;
    ForEachListMember(headers[i].value, [&](std::string_view option) {
      bad = ++options > kConnectionOptionCountMax ? BadReason::kConnectionInvalid
                                                  : ApplyOption(option, headers, count, connection);
      return bad == BadReason::kNone;
    });
    if (bad != BadReason::kNone) return bad;
  }
  return BadReason::kNone;
}

}  // namespace sluice::http
