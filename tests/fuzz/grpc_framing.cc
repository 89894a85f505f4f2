// The same messages and the same fault however the content is cut, and as a plain count says.
#include "userspace/http/grpc_framing.h"

#include <algorithm>

#include "userspace/base/check.h"

namespace {

constexpr uint32_t kSizeMax = 4096;

struct Plain {
  uint64_t count = 0;
  bool is_sound = true;
  bool is_whole = true;
};

Plain CountPlainly(std::string_view rest) {
  Plain plain;
  const auto at = [&rest](size_t i) { return static_cast<uint8_t>(rest[i]); };
  while (!rest.empty()) {
    plain.is_whole = false;
    plain.is_sound = at(0) <= 1;
    if (!plain.is_sound || rest.size() < 5) return plain;
    const uint32_t size = static_cast<uint32_t>(at(1)) << 24 | at(2) << 16 | at(3) << 8 | at(4);
    plain.is_sound = size <= kSizeMax;
    if (!plain.is_sound || rest.size() - 5 < size) return plain;
    rest.remove_prefix(5 + size);
    ++plain.count;
    plain.is_whole = true;
  }
  return plain;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  if (size == 0) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Plain plain = CountPlainly(content);
  const size_t step = data[0] % 16 + 1;
  GrpcFramer whole(kSizeMax);
  GrpcFramer crumbs(kSizeMax);
  const GrpcFault fault = whole.Feed(content);
  for (size_t i = 0; i < content.size(); i += step) crumbs.Feed(content.substr(i, step));
  SLUICE_CHECK(crumbs.Feed("") == fault);
  SLUICE_CHECK((fault == GrpcFault::kNone) == plain.is_sound);
  SLUICE_CHECK(whole.message_count() == plain.count && crumbs.message_count() == plain.count);
  if (plain.is_sound) SLUICE_CHECK(whole.is_between_messages() == plain.is_whole);
  return 0;
}
