// Query parameters as they stand in a target: "name=value" between "&", percent-encoded. Pure;
// nothing is decoded into memory unless asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::route {

// True if `encoded`, percent-decoded, is `plain`. An escape without two hexadecimal digits stands
// for itself.
bool DecodedEquals(std::string_view encoded, std::string_view plain);
std::string PercentDecode(std::string_view encoded);

// The value, still encoded, of the first parameter of that (decoded) name; empty if it has none,
// nothing if there is no such parameter.
std::optional<std::string_view> FindParameter(std::string_view query, std::string_view name);

}  // namespace sluice::route
