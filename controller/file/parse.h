// Manifest text to JSON values. YAML is read as Kubernetes reads it: YAML 1.1 scalars, documents
// parted by lines that begin with "---", each parsed by itself, so that a broken one does not take
// the others along. Bounds: kFileSizeMax, kDocumentsMax and those of ValueBuilder. Errors are
// values; nothing throws. Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/store/manifest.h"

namespace sluice::controller {

inline constexpr size_t kFileSizeMax = size_t{8} << 20;
inline constexpr size_t kDocumentsMax = 100000;

struct ParsedDocument {
  uint32_t document = 0;  // From 1; empty documents count, as a reader of the file counts them.
  Json value;             // Null if error is not empty.
  std::string error;
};

// "x.json" is read as JSON, everything else as YAML (which JSON text mostly is as well).
std::vector<ParsedDocument> ParseManifests(std::string_view file_name, std::string_view text);

// One YAML document; the only code that meets yaml-cpp.
ParsedDocument ParseYamlDocument(std::string_view text, uint32_t first_line);
// One JSON value at the head of `text`, which is left at what follows it.
ParsedDocument ParseJsonDocument(std::string_view& text);
// The value of a plain (not quoted) YAML scalar.
Json ResolvePlainScalar(std::string_view text);

}  // namespace sluice::controller
