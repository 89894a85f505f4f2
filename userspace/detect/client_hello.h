// The server's name in a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3), which may
// come in several records. Nothing is decrypted. Pure. Bounds: kClientHelloSizeMax. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::detect {

// With record headers. Hellos with post-quantum keys have 2 KiB; 16 KiB leaves room for tickets.
inline constexpr size_t kClientHelloSizeMax = 16 * 1024;
inline constexpr size_t kServerNameSizeMax = 253;  // Longest name of DNS, as text.

enum class HelloStatus : uint8_t {
  kNeedMore,
  kComplete,
  kNotTls,     // No handshake record, or no ClientHello in it.
  kTooLarge,   // Above kClientHelloSizeMax, as announced or as received.
  kMalformed,  // Lengths that do not fit, or what RFC 8446 forbids.
};

// `first_bytes`: all that came so far, from the first on. `server_name` is set with kComplete:
// lower case, empty where the client names none.
HelloStatus ParseClientHello(std::string_view first_bytes, std::string* server_name);

}  // namespace sluice::detect
