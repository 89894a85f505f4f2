// Which bytes the texts of a resource may hold. Whatever passes can be written into a head, a log
// line or a metric label without changing what comes before or after it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::model {

// RFC 9110 section 5.6.2 without capitals: a header name as tables hold it.
bool IsLowerToken(std::string_view text);
// RFC 9110 section 5.6.2: a method.
bool IsToken(std::string_view text);
// No control byte but the tab, so neither CR, LF nor NUL; may be empty.
bool IsFieldValue(std::string_view text);
// Starts with "/" and has no space, control byte, "?", "#" or byte above 0x7e.
bool IsPath(std::string_view text);
// Lower-case letters, digits, "-", "_" and "."; not empty, at most kNameSizeMax bytes.
bool IsName(std::string_view text);
// Visible ASCII, not empty, at most `size_max` bytes.
bool IsVisible(std::string_view text, size_t size_max);
// "namespace/hostname", each a name.
bool IsServiceName(std::string_view text);
inline bool IsPort(uint32_t port) { return port >= 1 && port <= 65535; }

// For messages: quoted, unprintable bytes as \xNN, cut after 64 bytes.
std::string Quote(std::string_view text);

}  // namespace sluice::model
