// Names of the fields that the codec itself knows, and how each is treated.
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "userspace/http/h1.h"

namespace sluice::http {

// X(enumerator, lower-case name, is hop-by-hop). The order is that of HeaderId.
// Transfer-Encoding is not marked: bodies are forwarded with their framing, so the field must stay.
#define SLUICE_H1_NAMES(X)                         \
  X(kHost, "host", false)                          \
  X(kConnection, "connection", true)               \
  X(kContentLength, "content-length", false)       \
  X(kTransferEncoding, "transfer-encoding", false) \
  X(kExpect, "expect", false)                      \
  X(kUpgrade, "upgrade", true)                     \
  X(kKeepAlive, "keep-alive", true)                \
  X(kProxyConnection, "proxy-connection", true)    \
  X(kTe, "te", true)                               \
  X(kTrailer, "trailer", false)                    \
  X(kDate, "date", false)                          \
  X(kServer, "server", false)                      \
  X(kContentType, "content-type", false)           \
  X(kUserAgent, "user-agent", false)

inline constexpr size_t kHeaderIdCount = static_cast<size_t>(HeaderId::kUserAgent) + 1;

inline constexpr bool kHopByHop[kHeaderIdCount] = {false,  // kOther
#define SLUICE_HOP(enumerator, name, hop) hop,
                                                   SLUICE_H1_NAMES(SLUICE_HOP)
#undef SLUICE_HOP
};
constexpr bool IsHopByHop(HeaderId id) { return kHopByHop[static_cast<size_t>(id)]; }

// Requires a name of token characters; any case.
HeaderId HeaderIdOf(std::string_view name);
// `lower` is lower case; letters of `name` are compared without case.
bool EqualsIgnoreCase(std::string_view name, std::string_view lower);
// Fields that a Connection option may not name, because whoever strips them changes where a request
// goes, where it ends or who it is said to come from (CVE-2021-33197, CVE-2022-1388,
// CVE-2022-31813).
bool IsProtectedFromConnection(std::string_view name);
// "content_length" and "transfer_encoding": gateways that map "_" to "-" read them as the real
// ones.
bool IsAmbiguousName(std::string_view name);

}  // namespace sluice::http
