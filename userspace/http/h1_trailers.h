// Names that no trailer may have, compared by hash. Room-private.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "userspace/http/h1_chars.h"

namespace sluice::http {

inline constexpr uint64_t kTrailerHashStart = 0xcbf29ce484222325u;  // FNV-1a
// "_" counts as "-": gateways that map one to the other must not be fooled.
constexpr uint64_t TrailerHashStep(uint64_t hash, char c) {
  const char folded = c == '_' ? '-' : ToLower(c);
  return (hash ^ static_cast<uint8_t>(folded)) * 0x100000001b3u;
}
constexpr uint64_t TrailerHash(std::string_view name) {
  uint64_t hash = kTrailerHashStart;
  for (const char c : name) hash = TrailerHashStep(hash, c);
  return hash;
}

// RFC 9110 section 6.5.1. Names are compared by hash, so that no byte of a name has to be kept
// between two reads; a collision could only refuse a trailer that nobody uses.
inline constexpr std::array kForbiddenTrailers = {
    TrailerHash("transfer-encoding"),
    TrailerHash("content-length"),
    TrailerHash("host"),
    TrailerHash("connection"),
    TrailerHash("keep-alive"),
    TrailerHash("proxy-connection"),
    TrailerHash("te"),
    TrailerHash("trailer"),
    TrailerHash("upgrade"),
    TrailerHash("expect"),
    TrailerHash("max-forwards"),
    TrailerHash("content-encoding"),
    TrailerHash("content-type"),
    TrailerHash("content-range"),
    TrailerHash("range"),
    TrailerHash("authorization"),
    TrailerHash("cookie"),
    TrailerHash("set-cookie"),
    TrailerHash("proxy-authorization"),
    TrailerHash("www-authenticate"),
    TrailerHash("proxy-authenticate"),
    TrailerHash("forwarded"),
    TrailerHash("x-forwarded-for"),
    TrailerHash("x-forwarded-host"),
    TrailerHash("x-real-ip"),
    TrailerHash("x-forwarded-proto"),
    TrailerHash("cache-control"),
    TrailerHash("location"),
};

constexpr bool IsForbiddenTrailer(uint64_t hash) {
  for (const uint64_t forbidden : kForbiddenTrailers) {
    if (hash == forbidden) return true;
  }
  return false;
}

}  // namespace sluice::http
