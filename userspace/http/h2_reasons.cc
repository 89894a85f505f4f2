#include "userspace/http/h2_reasons.h"

#include <array>

namespace sluice::http {
namespace {

struct Reason {
  std::string_view name;
  H2Error error;
  uint16_t status;
  std::string_view text;
};

constexpr std::array<Reason, kH2ReasonCount> kReasons = {{
#define SLUICE_REASON(enumerator, label, error, status, text) {label, H2Error::error, status, text},
    SLUICE_H2_REASONS(SLUICE_REASON)
#undef SLUICE_REASON
}};

const Reason& Of(H2Reason reason) {
  const auto index = static_cast<size_t>(reason);
  return kReasons[index < kReasons.size() ? index : 0];
}

}  // namespace

std::string_view H2ReasonName(H2Reason reason) { return Of(reason).name; }
std::string_view H2ReasonText(H2Reason reason) { return Of(reason).text; }
H2Error H2ReasonError(H2Reason reason) { return Of(reason).error; }
uint16_t H2ReasonStatus(H2Reason reason) { return Of(reason).status; }

}  // namespace sluice::http
