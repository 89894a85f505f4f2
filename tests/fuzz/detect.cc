// The same answer however the bytes come in, within the named bound, and none that is taken back.
#include <algorithm>

#include "userspace/base/check.h"
#include "userspace/detect/protocol.h"

namespace {

using sluice::detect::Speech;

void CheckOneAnswer(std::string_view input, Speech (*detect)(std::string_view)) {
  const Speech whole = detect(input);
  const size_t size = std::min(input.size(), sluice::detect::kDetectSizeMax);
  for (size_t seen = 0; seen <= size; ++seen) {
    const Speech now = detect(input.substr(0, seen));
    SLUICE_CHECK(now == Speech::kNeedMore || now == whole);
  }
  if (input.size() >= sluice::detect::kDetectSizeMax) {
    SLUICE_CHECK(whole != Speech::kNeedMore);
    SLUICE_CHECK(detect(input.substr(0, size)) == whole);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  CheckOneAnswer(input, &sluice::detect::Detect);
  CheckOneAnswer(input, &sluice::detect::DetectHttp);
  return 0;
}
