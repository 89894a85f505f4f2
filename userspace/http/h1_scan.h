// Finds the first byte of a class, 16 bytes a step with SSE2 (part of every x86-64) or one by one
// elsewhere. Bounds: never reads outside [begin, end); the last step overlaps the one before
// instead of reading on.
#pragma once

#include <bit>
#include <cstdint>

#include "userspace/http/h1_chars.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::http {

#if defined(__SSE2__)
using Bytes16 = __m128i;
inline Bytes16 Splat(int value) { return _mm_set1_epi8(static_cast<char>(value)); }
// 0xff where low <= x <= low + span, as unsigned bytes.
inline Bytes16 InRange(Bytes16 x, int low, int span) {
  const Bytes16 offset = _mm_sub_epi8(x, Splat(low));
  return _mm_cmpeq_epi8(_mm_min_epu8(offset, Splat(span)), offset);
}
inline Bytes16 Not(Bytes16 x) { return _mm_xor_si128(x, Splat(0xff)); }
#endif

// The end of a field value, a reason phrase or any line: a control byte.
struct LineStop {
  static bool Is(char c) { return IsControl(c); }
#if defined(__SSE2__)
  static Bytes16 Mask(Bytes16 x) {
    const Bytes16 low = _mm_andnot_si128(_mm_cmpeq_epi8(x, Splat('\t')), InRange(x, 0, 0x1f));
    return _mm_or_si128(low, _mm_cmpeq_epi8(x, Splat(0x7f)));
  }
#endif
};

// The end of the request target: anything but visible ASCII, and "#" (no fragment is ever sent,
// CVE-2023-45539).
struct TargetStop {
  static bool Is(char c) { return c <= 0x20 || c == 0x7f || c == '#'; }
#if defined(__SSE2__)
  static Bytes16 Mask(Bytes16 x) {
    return _mm_or_si128(Not(InRange(x, 0x21, 0x5d)), _mm_cmpeq_epi8(x, Splat('#')));
  }
#endif
};

// The end of a field name made of letters, digits and "-"; rarer token characters stop it, too.
struct PlainNameStop {
  static bool Is(char c) { return !IsLetter(c) && !IsDigit(c) && c != '-'; }
#if defined(__SSE2__)
  static Bytes16 Mask(Bytes16 x) {
    const Bytes16 letters = InRange(_mm_or_si128(x, Splat(0x20)), 'a', 25);
    const Bytes16 digits = InRange(x, '0', 9);
    return Not(_mm_or_si128(_mm_or_si128(letters, digits), _mm_cmpeq_epi8(x, Splat('-'))));
  }
#endif
};

// What a path that is already normal may not have without a closer look.
struct PathStop {
  static bool Is(char c) { return c <= 0x20 || c == 0x7f || c == '%' || c == '.' || c == '\\'; }
#if defined(__SSE2__)
  static Bytes16 Mask(Bytes16 x) {
    const Bytes16 odd = _mm_or_si128(_mm_cmpeq_epi8(x, Splat('%')), _mm_cmpeq_epi8(x, Splat('.')));
    return _mm_or_si128(_mm_or_si128(odd, _mm_cmpeq_epi8(x, Splat('\\'))),
                        Not(InRange(x, 0x21, 0x5d)));
  }
#endif
};

// The first byte in [p, end) that Stop names, or end. `begin` <= p: all of [begin, end) may be
// read.
template <typename Stop>
inline const char* Find(const char* p, [[maybe_unused]] const char* begin, const char* end) {
#if defined(__SSE2__)
  while (end - p >= 16) {
    const Bytes16 bytes = _mm_loadu_si128(reinterpret_cast<const Bytes16*>(p));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(Stop::Mask(bytes)));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
  if (p == end) return end;
  if (end - begin >= 16) {
    const Bytes16 bytes = _mm_loadu_si128(reinterpret_cast<const Bytes16*>(end - 16));
    const auto mask =
        static_cast<uint32_t>(_mm_movemask_epi8(Stop::Mask(bytes))) >> (16 - (end - p));
    return mask != 0 ? p + std::countr_zero(mask) : end;
  }
#endif
  while (p != end && !Stop::Is(*p)) ++p;
  return p;
}

}  // namespace sluice::http
