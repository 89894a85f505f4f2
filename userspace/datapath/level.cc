#include "userspace/datapath/level.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "userspace/base/text.h"

namespace sluice::datapath {
namespace {

// Without these no byte may be redirected at all.
constexpr std::array kBasic = {kProbeRedirect, kProbeMemoryCharged, kProbeGuard,
                               kProbeOrder,    kProbeHalfClose,     kProbeCloseUnread};

bool HasPassed(const std::vector<ProbeResult>& probes, std::string_view name) {
  return std::any_of(probes.begin(), probes.end(), [&](const ProbeResult& probe) {
    return probe.name == name && probe.has_passed;
  });
}

std::string Failed(std::string_view name, std::string_view consequence) {
  return base::Concat("probe ", name, " failed: ", consequence);
}

}  // namespace

LevelChoice ChooseLevel(Acceleration requested, const std::vector<ProbeResult>& probes) {
  if (requested == Acceleration::kOff) return {};
  for (const std::string_view name : kBasic) {
    if (!HasPassed(probes, name)) return {Acceleration::kOff, Failed(name, "plain TCP is used")};
  }
  // At `full` an enrolled application receives only redirected bytes, at `send` only native ones.
  std::string reason;
  if (requested == Acceleration::kFull) {
    if (!HasPassed(probes, kProbeFionreadRedirected)) {
      reason = Failed(kProbeFionreadRedirected, "nothing may be redirected to an application");
    } else if (!HasPassed(probes, kProbeBusy)) {
      reason = Failed(kProbeBusy,
                      "nothing would hold the proxy back from an application that does not read");
    } else {
      return {Acceleration::kFull, ""};
    }
  }
  if (HasPassed(probes, kProbeFionreadNative)) return {Acceleration::kSend, reason};
  if (!reason.empty()) absl::StrAppend(&reason, "; ");
  absl::StrAppend(&reason, Failed(kProbeFionreadNative,
                                  "no application's socket may be enrolled and get plain TCP"));
  return {Acceleration::kOff, reason};
}

}  // namespace sluice::datapath
