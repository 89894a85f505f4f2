// What gRPC says in heads. A timeout that is taken says the same, rounded up, when it is written
// again, and can be added to a clock; a message of any bytes comes back from its encoding, which is
// safe within a head.
#include "userspace/http/grpc_status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/base/check.h"
#include "userspace/route/query.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto timeout_ns = ParseGrpcTimeout(text)) {
    SLUICE_CHECK(*timeout_ns <= kGrpcTimeoutMaxNs && size >= 2 && size <= 9);
    const std::string written = FormatGrpcTimeout(*timeout_ns);
    const auto again_ns = ParseGrpcTimeout(written);
    SLUICE_CHECK(again_ns >= timeout_ns && FormatGrpcTimeout(again_ns.value()) == written);
  }
  if (IsGrpcContentType(text)) SLUICE_CHECK(size >= 16 && (text[0] == 'a' || text[0] == 'A'));
  const std::string encoded = EncodeGrpcMessage(text);
  SLUICE_CHECK(encoded.size() <= 3 * size);
  for (const char c : encoded) SLUICE_CHECK(c >= 0x20 && c <= 0x7e);
  SLUICE_CHECK(sluice::route::PercentDecode(encoded) == text);
  return 0;
}
