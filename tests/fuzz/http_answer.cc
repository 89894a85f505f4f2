#include <string_view>

#include "userspace/base/check.h"
#include "userspace/cli/http_get.h"

// What an operators' port answers sluicectl. The body is a piece of what was received, and an
// answer that is cut off is never taken for another one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sluice::cli::ParseHttpAnswer;
  if (size > 4096) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto answer = ParseHttpAnswer(bytes);
  if (!answer.ok()) {
    SLUICE_CHECK(!answer.status().message().empty());
    return 0;
  }
  SLUICE_CHECK(answer->code >= 100 && answer->code < 600);
  const std::string_view after_head = bytes.substr(bytes.find("\r\n\r\n") + 4);
  SLUICE_CHECK(after_head.starts_with(answer->body));
  for (size_t part = 0; part < size; ++part) {
    const auto earlier = ParseHttpAnswer(bytes.substr(0, part));
    if (!earlier.ok()) continue;
    SLUICE_CHECK(earlier->code == answer->code);
    SLUICE_CHECK(std::string_view(answer->body).starts_with(earlier->body));
  }
  return 0;
}
