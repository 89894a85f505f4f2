// Any JSON as a status: what a person is shown stays within its width and cannot steer the
// terminal, its size follows that of the JSON, and the indented JSON says the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/screen.h"
#include "userspace/base/check.h"
#include "userspace/cli/status_text.h"
#include "userspace/cli/text_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::cli;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const auto text = RenderStatus(json);
  const auto indented = IndentStatus(json);
  SLUICE_CHECK(text.ok() == indented.ok());
  if (!text.ok()) return 0;
  sluice::fuzz::CheckScreen(*text, kTextWidth);
  SLUICE_CHECK(text->size() <= 4096 + 64 * size);
  for (const char c : *indented) SLUICE_CHECK(c == '\n' || (c >= 0x20 && c < 0x7f));
  SLUICE_CHECK(RenderStatus(*indented).value() == *text);
  return 0;
}
