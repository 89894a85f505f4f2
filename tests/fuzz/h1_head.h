// What must hold for every head, whatever it says; shared by the request and the response target.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "userspace/base/check.h"
#include "userspace/http/h1.h"
#include "userspace/http/h1_reasons.h"

namespace sluice::http {

inline bool IsInside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

template <typename Head>
void CheckViews(const Head& head, std::string_view input) {
  SLUICE_CHECK(head.head_size <= input.size());
  SLUICE_CHECK(head.header_count <= kHeaderCountMax);
  const std::string_view text = input.substr(0, head.head_size);
  SLUICE_CHECK(text.ends_with("\r\n\r\n"));
  for (const Header& header : head.headers()) {
    SLUICE_CHECK(IsInside(header.name, text) && IsFieldName(header.name));
    SLUICE_CHECK(IsInside(header.value, text) && IsFieldValue(header.value));
  }
}

// Parses `input` as it grows: by one byte, or by `step`. Each piece is a copy of its own exact
// size.
template <typename Parse>
ParseResult ParseGrowing(std::string_view input, size_t step, Parse parse) {
  uint32_t scanned = 0;
  for (size_t size = std::min(step, input.size());; size = std::min(size + step, input.size())) {
    const std::vector<char> piece(input.begin(), input.begin() + static_cast<ptrdiff_t>(size));
    const ParseResult result = parse(std::string_view(piece.data(), piece.size()), scanned);
    if (result.status != ParseStatus::kNeedMore || size == input.size()) return result;
    SLUICE_CHECK(result.scanned <= size);
    scanned = result.scanned;
  }
}

// An end that was seen at once must be seen in crumbs, with the same verdict. The other way round a
// fault may be told earlier when all is there.
inline void CheckSameVerdict(const ParseResult& whole, const ParseResult& crumbs) {
  if (whole.status == ParseStatus::kBad && crumbs.status == ParseStatus::kNeedMore) return;
  SLUICE_CHECK(whole.status == crumbs.status);
  if (whole.status == ParseStatus::kBad) SLUICE_CHECK(whole.bad == crumbs.bad);
}

}  // namespace sluice::http
