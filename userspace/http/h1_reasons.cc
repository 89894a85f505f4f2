#include "userspace/http/h1_reasons.h"

#include <array>

namespace sluice::http {
namespace {

struct Reason {
  std::string_view name;
  uint16_t status;
  std::string_view text;
};

constexpr std::array<Reason, kBadReasonCount> kReasons = {{
#define SLUICE_REASON(enumerator, label, status, text) {label, status, text},
    SLUICE_H1_REASONS(SLUICE_REASON)
#undef SLUICE_REASON
}};

const Reason& Of(BadReason reason) {
  const auto index = static_cast<size_t>(reason);
  return kReasons[index < kReasons.size() ? index : 0];
}

}  // namespace

std::string_view BadReasonName(BadReason reason) { return Of(reason).name; }
std::string_view BadReasonText(BadReason reason) { return Of(reason).text; }
uint16_t BadReasonStatus(BadReason reason) { return Of(reason).status; }

}  // namespace sluice::http
