// Switching protocols by HTTP/1.1 (RFC 9110 section 7.8): what a client offers, what a server says
// of it. Names of protocols stay as they were sent. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "userspace/http/h1.h"

namespace sluice::http {

// An offer of h2c alone is none: it is declined by not answering it (Java's client sends it every
// time). Nor is what is not the name of a protocol.
bool OffersProtocol(const RequestHead& head);
std::string OfferedProtocols(const RequestHead& head);  // A list; empty if there are none.

// What the Upgrade fields of an answer say, as one list.
std::string UpgradeOf(const ResponseHead& head);
bool HasConnectionUpgrade(const ResponseHead& head);

// Each of `chosen` is in the list `offered`, and there is one.
bool IsChosenFrom(std::string_view offered, std::string_view chosen);

}  // namespace sluice::http
