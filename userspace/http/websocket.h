// The handshake of WebSocket, where the proxy asks for one by HTTP/1.1 on behalf of a client of
// HTTP/2, which has none (RFC 6455 section 4, RFC 8441 section 5). Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "userspace/http/h1.h"

namespace sluice::http {

// What the server must make of a Sec-WebSocket-Key: base64 of SHA-1. It proves that a WebSocket
// server answers, no more, so that the weakness of SHA-1 does not matter.
std::string WebSocketAccept(std::string_view key);

// What is wrong with a 101, for the client; empty if it agrees. The protocol is looked at by
// whoever knows what was offered. `request` is the head that was sent.
std::string_view WebSocketFault(std::string_view request, const ResponseHead& head);

}  // namespace sluice::http
