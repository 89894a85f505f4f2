// The syntax of names, as Kubernetes and HTTP define it. Names are joined into keys
// ("namespace/name:port"), so a name that could hold a separator must never get past these. Thread:
// any.
#pragma once

#include <string>
#include <string_view>

namespace sluice::controller {

bool IsDnsLabel(std::string_view text);      // RFC 1123, at most 63 bytes.
bool IsDnsSubdomain(std::string_view text);  // Labels joined by dots, at most 253 bytes.
// A label as Kubernetes defines it: an optional DNS prefix and '/', then at most 63 letters,
// digits, '-', '_' and '.'.
bool IsLabelName(std::string_view text);
bool IsLabelValue(std::string_view text);  // The part after the prefix, or empty.
bool IsHeaderName(std::string_view text);  // RFC 9110 token, at most 256 bytes.
bool IsHeaderValue(
    std::string_view text);  // No control bytes but tab; no blank at the ends; at most 4096 bytes.
bool HasControlBytes(std::string_view text);
bool IsUrlPath(std::string_view text);  // Begins with "/"; visible ASCII without "?" and "#".
bool IsValidUtf8(std::string_view text);
// As it is if it is UTF-8, else with '?' for each byte that is not ASCII: protobuf strings must be
// UTF-8.
std::string Repaired(std::string_view text);
std::string LowerCase(std::string_view text);  // ASCII letters only.

// At most `size_max` bytes of UTF-8 text, cut between characters and marked "..." if cut.
std::string Shortened(std::string_view text, size_t size_max);

}  // namespace sluice::controller
