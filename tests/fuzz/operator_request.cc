#include <string>

#include "userspace/base/check.h"
#include "userspace/telemetry/http_server.h"

// Requests to the operators' ports. What is answered has a path that is safe to print, and what
// came before its last byte was not refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sluice::telemetry::ParsedRequest;
  const std::string received(reinterpret_cast<const char*>(data), size);
  const ParsedRequest parsed = sluice::telemetry::ParseGetRequest(received);
  if (parsed.state == ParsedRequest::State::kRefused) {
    SLUICE_CHECK(parsed.refusal.status_code >= 400 && parsed.refusal.status_code < 600);
    return 0;
  }
  if (parsed.state == ParsedRequest::State::kNeedMore) return 0;
  SLUICE_CHECK(parsed.path.starts_with('/') && parsed.path.find('?') == std::string::npos);
  for (const char c : parsed.path) SLUICE_CHECK(c > 0x20 && c < 0x7f);
  for (size_t part = 0; part < size; ++part) {
    const ParsedRequest earlier = sluice::telemetry::ParseGetRequest(received.substr(0, part));
    SLUICE_CHECK(earlier.state != ParsedRequest::State::kRefused);
  }
  return 0;
}
