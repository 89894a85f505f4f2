// The same answer however the bytes come in; the same name however the message is cut into records.
// The first byte is the size of the records in which the second check sends it.
#include <algorithm>
#include <string>

#include "userspace/base/check.h"
#include "userspace/detect/client_hello.h"
#include "userspace/detect/protocol.h"

namespace {

using sluice::detect::HelloStatus;
using sluice::detect::ParseClientHello;

// The payload of the one record that `input` is, in many.
std::string CutIntoRecords(std::string_view payload, size_t record_size) {
  std::string out;
  for (; !payload.empty(); payload.remove_prefix(std::min(record_size, payload.size()))) {
    const std::string_view part = payload.substr(0, record_size);
    out.append({0x16, 0x03, 0x01, static_cast<char>(part.size() >> 8),
                static_cast<char>(part.size() & 0xff)});
    out.append(part);
  }
  return out;
}

void CheckName(const std::string& name) {
  SLUICE_CHECK(name.size() <= sluice::detect::kServerNameSizeMax);
  for (const char c : name) {
    SLUICE_CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                 c == '_');
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = data[0] + size_t{1};
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string name;
  const HelloStatus whole = ParseClientHello(input, &name);
  std::string early_name;
  for (size_t seen = 0; seen < input.size(); seen += std::max(step, input.size() / 256)) {
    const HelloStatus now = ParseClientHello(input.substr(0, seen), &early_name);
    SLUICE_CHECK(now == HelloStatus::kNeedMore || now == whole);
  }
  if (whole != HelloStatus::kComplete) return 0;
  CheckName(name);
  SLUICE_CHECK(early_name.empty() || early_name == name);
  const size_t record_size =
      static_cast<uint8_t>(input[3]) * size_t{256} + static_cast<uint8_t>(input[4]);
  if (input.size() > 5 + record_size) return 0;  // It came in several already.
  const std::string cut = CutIntoRecords(input.substr(5), step);
  std::string cut_name;
  const HelloStatus again = ParseClientHello(cut, &cut_name);
  if (cut.size() > sluice::detect::kClientHelloSizeMax) return 0;
  SLUICE_CHECK(again == HelloStatus::kComplete && cut_name == name);
  return 0;
}
