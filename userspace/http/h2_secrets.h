// Fields that came never indexed have to be sent on never indexed (RFC 7541 section 6.2.3). Heads
// remember that of each field; a head that is written as HTTP/1.1 and parsed again forgets it, and
// this carries it past. Almost always there are none, and nothing is allocated.
// Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "userspace/http/h1.h"

namespace sluice::http {

enum class H2Pseudo : uint8_t { kMethod, kScheme, kAuthority, kPath, kProtocol, kStatus };

struct H2PseudoName {
  std::string_view name;
  bool is_of_request;
};
// In the order of H2Pseudo.
inline constexpr std::array<H2PseudoName, 6> kH2PseudoNames = {{{":method", true},
                                                                {":scheme", true},
                                                                {":authority", true},
                                                                {":path", true},
                                                                {":protocol", true},
                                                                {":status", false}}};

// The place of a pseudo-header field in RequestHead::secret_pseudo and ResponseHead::secret_pseudo.
constexpr uint8_t SecretBit(H2Pseudo pseudo) {
  return static_cast<uint8_t>(1u << static_cast<uint8_t>(pseudo));
}

// Appends the names of a head's secrets, a line each. Bounds: the size of the head.
void AppendSecretNames(absl::Span<const Header> headers, uint8_t secret_pseudo, std::string& names);
// Marks all fields with such a name; returns the pseudo-header fields among them.
uint8_t MarkSecrets(std::string_view names, absl::Span<Header> headers);

}  // namespace sluice::http
