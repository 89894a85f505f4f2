// Field lines of a head, and what they say together about framing and connection. Room-private.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "userspace/http/h1_cursor.h"
#include "userspace/http/h1_names.h"

namespace sluice::http {

// How often each known field came and where first; the rules about fields are decided from this
// after the loop.
struct FieldFacts {
  std::array<uint8_t, kHeaderIdCount> count{};
  std::array<uint8_t, kHeaderIdCount> first;  // Valid where count > 0.
  uint8_t Count(HeaderId id) const { return count[static_cast<size_t>(id)]; }
  uint8_t First(HeaderId id) const { return first[static_cast<size_t>(id)]; }
};

struct Framing {
  BodyKind kind = BodyKind::kNone;  // kNone, kLength or kChunked as the fields say.
  uint64_t content_length = 0;
};

struct ConnectionFacts {
  bool has_close = false;
  bool has_keep_alive = false;
  bool has_upgrade = false;
};

// Reads field lines up to and with the empty one. `headers` has room for `count_max`.
ParseStatus ParseFields(Cursor& cursor, uint32_t count_max, Header* headers, uint32_t* count,
                        FieldFacts* facts);

// RFC 9112 section 6, stricter: kNone if the fields are sound.
BadReason DecideFraming(const Header* headers, const FieldFacts& facts, uint8_t minor_version,
                        Framing* framing);

// Reads the Connection fields and marks the fields that they name as hop-by-hop.
BadReason ApplyConnection(Header* headers, uint32_t count, const FieldFacts& facts,
                          ConnectionFacts* connection);

// Plain digits, no leading zero, below 2^63.
bool ParseContentLength(std::string_view text, uint64_t* value);

// Calls visit(member) for each non-empty member of a comma list; stops and returns false when visit
// does.
template <typename Visit>
bool ForEachListMember(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view member = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    while (!member.empty() && IsBlank(member.front())) member.remove_prefix(1);
    while (!member.empty() && IsBlank(member.back())) member.remove_suffix(1);
    if (!member.empty() && !visit(member)) return false;
  }
  return true;
}

}  // namespace sluice::http
