// What an operator is told about an object that was skipped, or about a part of one that was.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace sluice::controller {

// Where an object was written: a file of the watched folder and the document in it, from 1.
struct Origin {
  std::string file;
  uint32_t document = 0;
};

struct Problem {
  std::string file;
  uint32_t document = 0;
  std::string object;  // "HTTPRoute shop/split", or empty if unknown.
  std::string field;   // "spec.rules[0].backendRefs[1].port", or empty.
  std::string reason;  // What is wrong, with the offending value.
  std::string mend;    // What to write instead.

  friend auto operator<=>(const Problem&, const Problem&) = default;
};

}  // namespace sluice::controller
