// sluice-proxy: the data plane of one node. Started by sluice-agent with one end of a socket pair;
// unprivileged.
#include <malloc.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "userspace/base/exit_codes.h"
#include "userspace/base/log.h"
#include "userspace/base/stderr.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/constants.h"
#include "userspace/datapath/original_destination.h"
#include "userspace/proxy/agent_link.h"
#include "userspace/proxy/limits.h"

static_assert(sluice::proxy::kReceiverBusyError == sluice::datapath::kSendBusy);

namespace {

constexpr char kUsage[] =
    "usage: sluice-proxy --agent-fd N [--log-level debug|info|warning|error]\n"
    "  The data plane of a Sluice node. Started by sluice-agent, which passes one end of a\n"
    "  SOCK_SEQPACKET socket pair as descriptor N. It has no other configuration.\n";

}  // namespace

int main(int argc, char** argv) {
  sluice::base::PrepareStandardStreams();
  int agent_fd = -1;
  auto level = sluice::base::LogLevel::kInfo;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const bool has_value = i + 1 < argc;
    if (option == "--agent-fd" && has_value) {
      agent_fd = std::atoi(argv[++i]);
    } else if (option == "--log-level" && has_value &&
               sluice::base::ParseLogLevel(argv[i + 1], level)) {
      ++i;
    } else {
      std::fputs(kUsage, option == "--help" ? stdout : stderr);
      return option == "--help" ? 0 : 2;
    }
  }
  if (agent_fd < 3) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  // What clients make large goes back to the kernel when it is freed, and leaves no holes between
  // small objects that live on: the budget for buffers is then also one of resident memory.
  mallopt(M_MMAP_THRESHOLD, sluice::proxy::kOwnMappingFrom);
  sluice::base::StartLog("proxy", level);
  // Signals that a terminal or a service manager sends to every process of a group are the agent's
  // business: it drains us first, and ours ends with it.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  sluice::proxy::AgentLink link(sluice::base::UniqueFd(agent_fd), [](sluice::base::UniqueFd map) {
    auto shared = std::make_shared<sluice::base::UniqueFd>(std::move(map));
    return [shared](uint64_t netns_cookie, const sluice::base::SocketAddress& client) {
      return sluice::datapath::TakeOriginalDestination(shared->get(), netns_cookie, client);
    };
  });
  const absl::Status status = link.Run();
  if (!status.ok()) {
    sluice::base::LogError("proxy ends", {{"reason", std::string(status.message())}});
    return link.is_host_unfit() ? sluice::base::kExitHostUnfit : 1;
  }
  return 0;
}
