// Field blocks from heads in the form of HTTP/1.1. Room-private.
// Hop-by-hop fields, Host and Transfer-Encoding stay behind; names become lower case.
#pragma once

#include <string>
#include <string_view>

#include "userspace/http/h1.h"
#include "userspace/http/hpack_encoder.h"

namespace sluice::http {

struct H2RequestForm {
  bool is_https = false;
  std::string_view protocol;  // Not empty: extended CONNECT (RFC 8441) instead of an upgrade.
};

// All append a block to `out`.
void EncodeRequest(const RequestHead& head, const H2RequestForm& form, HpackEncoder& encoder,
                   std::string& out);
void EncodeResponse(const ResponseHead& head, HpackEncoder& encoder, std::string& out);
void EncodeTrailers(absl::Span<const Header> trailers, HpackEncoder& encoder, std::string& out);
// ":status" and "content-length: 0".
void EncodeEmptyResponse(uint16_t status, HpackEncoder& encoder, std::string& out);

}  // namespace sluice::http
