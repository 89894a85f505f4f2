// Where a head parser stands. Room-private.
// Every step either moves `next` on and says kComplete, or leaves it and says kNeedMore or kBad
// (reason in `bad`). What a step says about a prefix of the input it must also say about the whole:
// decide only on bytes that are there.
#pragma once

#include <algorithm>
#include <bit>
#include <string_view>

#include "userspace/http/h1.h"
#include "userspace/http/h1_reasons.h"
#include "userspace/http/h1_scan.h"

namespace sluice::http {

struct Cursor {
  const char* begin;  // Of the whole input.
  const char* next;
  const char* end;
  BadReason bad = BadReason::kNone;

  ParseStatus Refuse(BadReason reason) {
    bad = reason;
    return ParseStatus::kBad;
  }
};

// Requires cursor.next on a byte that LineStop names. Passes CR LF.
inline ParseStatus TakeLineEnd(Cursor& cursor) {
  const char* p = cursor.next;
  if (*p == '\n') return cursor.Refuse(BadReason::kBareLf);
  if (*p != '\r') return cursor.Refuse(BadReason::kControlCharacter);
  if (p + 1 == cursor.end) return ParseStatus::kNeedMore;
  if (p[1] != '\n') return cursor.Refuse(BadReason::kBareCr);
  cursor.next = p + 2;
  return ParseStatus::kComplete;
}

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2, kOther, kMalformed };
// "HTTP/1.1" and the like.
Version VersionOf(std::string_view text);

// Searches for the end of the head from `from`; false: neither the end nor a forbidden byte is
// there yet, and *resume says where to go on. True: the parser should look, for one of the two was
// seen.
bool SeesHeadEnd(std::string_view input, size_t from, size_t* resume);
// Where the search goes on after a parse that needed more.
size_t ResumePosition(std::string_view input);

// The frame of both head parsers: on the first call one optimistic pass; later ones search for the
// end first, and look again early only when the input has doubled (a start line that is too long or
// is none should not be waited for). So a head that comes in crumbs costs a few passes, not one
// each.
template <typename ParseOnce>
ParseResult ParseHead(std::string_view input, uint32_t scanned, const H1Limits& limits,
                      ParseOnce parse_once) {
  const std::string_view clipped = input.substr(0, limits.head_size_max);
  const bool is_full = clipped.size() == limits.head_size_max;
  size_t resume = std::min<size_t>(scanned, clipped.size());
  const bool has_doubled = std::bit_width(resume) != std::bit_width(clipped.size());
  if (resume > 0 && !SeesHeadEnd(clipped, resume, &resume) && !has_doubled && !is_full) {
    return {.status = ParseStatus::kNeedMore, .scanned = static_cast<uint32_t>(resume)};
  }
  Cursor cursor{clipped.data(), clipped.data(), clipped.data() + clipped.size()};
  const ParseStatus status = parse_once(cursor);
  if (status == ParseStatus::kBad) return {.status = status, .bad = cursor.bad};
  if (status == ParseStatus::kComplete) return {.status = status};
  if (is_full) return {.status = ParseStatus::kBad, .bad = BadReason::kHeadTooLarge};
  return {.status = status, .scanned = static_cast<uint32_t>(ResumePosition(clipped))};
}

}  // namespace sluice::http
