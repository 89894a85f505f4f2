// Request target and Host (RFC 9112 sections 3.2 and 3.3). Room-private.
#pragma once

#include <string_view>

#include "userspace/http/h1.h"

namespace sluice::http {

// Splits head.target by its form and sets path and query; *authority is that of an absolute-form or
// CONNECT target, else empty. Requires visible ASCII. False: a form that the method may not have.
bool SplitTarget(RequestHead& head, std::string_view* authority);

// A name, an IPv4 address or an IPv6 address in brackets, with an optional port. No user
// information, no percent signs, no lists: every reader must find the same host.
bool IsValidHost(std::string_view host);

// Path and query of an absolute-form target as they stand in it; "" if it has none, may begin with
// "?".
std::string_view AfterAuthority(std::string_view target);

}  // namespace sluice::http
