#include "userspace/agent/pod_namespace.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "userspace/agent/files.h"
#include "userspace/agent/pod_listeners.h"
#include "userspace/agent/reply_route.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"

namespace sluice::agent {
namespace {

struct WantedSysctl {
  const char* file;
  const char* value;
  bool is_v6 = false;  // Only where the namespace has IPv6.
};

// Why each: an accepted socket takes the mark of its SYN, so that replies to a dial from a foreign
// address find the reply route; a RST without a socket does with fwmark_reflect; src_valid_mark and
// rp_filter let such packets in through lo. IPv6 shares the first one.
constexpr std::array<WantedSysctl, 6> kWantedSysctls = {{
    {"/proc/sys/net/ipv4/tcp_fwmark_accept", "1"},
    {"/proc/sys/net/ipv4/fwmark_reflect", "1"},
    {"/proc/sys/net/ipv4/conf/all/src_valid_mark", "1"},
    {"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
    {"/proc/sys/net/ipv4/conf/lo/rp_filter", "0"},
    {"/proc/sys/net/ipv6/fwmark_reflect", "1", true},
}};

constexpr size_t kSysctlSizeMax = 4096;

absl::Status CheckLoopbackIsUp() {
  const base::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_valid()) return base::ErrnoStatus(errno, "socket in the pod's namespace");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0)
    return base::ErrnoStatus(errno, "look at interface lo");
  if ((request.ifr_flags & IFF_UP) != 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "interface lo of the pod is down: run `ip link set lo up` in its namespace");
}

// The old values of those sysctls that must change.
absl::Status ReadSysctls(NamespaceUndo& undo) {
  for (const WantedSysctl& wanted : kWantedSysctls) {
    if (wanted.is_v6 && !undo.has_route_v6) continue;
    const absl::StatusOr<std::string> old_value = ReadFile(wanted.file, kSysctlSizeMax);
    if (!old_value.ok()) return old_value.status();
    const std::string trimmed(absl::StripAsciiWhitespace(*old_value));
    if (trimmed != wanted.value) undo.sysctls.push_back({wanted.file, trimmed});
  }
  return absl::OkStatus();
}

absl::Status Apply(const NamespaceUndo& undo) {
  for (const WantedSysctl& wanted : kWantedSysctls) {
    if (wanted.is_v6 && !undo.has_route_v6) continue;
    SLUICE_RETURN_IF_ERROR(WriteInPlace(wanted.file, wanted.value));
  }
  if (undo.has_route_v4) SLUICE_RETURN_IF_ERROR(ChangeReplyRoute(ReplyRouteChange::kAdd, AF_INET));
  if (undo.has_route_v6) SLUICE_RETURN_IF_ERROR(ChangeReplyRoute(ReplyRouteChange::kAdd, AF_INET6));
  return absl::OkStatus();
}

// Goes on after a failure: one thing that cannot be put back must not keep the others. The first
// failure is told.
absl::Status Undo(const NamespaceUndo& undo) {
  absl::Status first;
  if (undo.has_route_v4) first.Update(ChangeReplyRoute(ReplyRouteChange::kRemove, AF_INET));
  if (undo.has_route_v6) first.Update(ChangeReplyRoute(ReplyRouteChange::kRemove, AF_INET6));
  for (const SysctlUndo& sysctl : undo.sysctls)
    first.Update(WriteInPlace(sysctl.file, sysctl.old_value));
  return first;
}

}  // namespace

absl::StatusOr<PreparedNamespace> PodNamespaces::Prepare(const std::string& path, uint64_t cookie,
                                                         uint32_t worker_count) {
  absl::StatusOr<NamespaceFile> file = OpenNamespaceFile(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> opened_cookie = network_.CookieOf(file->fd.get());
  if (!opened_cookie.ok()) return opened_cookie.status();
  if (*opened_cookie != cookie)
    return absl::AbortedError(absl::StrCat(path, " became another namespace"));

  PreparedNamespace prepared;
  prepared.cookie = cookie;
  prepared.fd = std::make_shared<const base::UniqueFd>(std::move(file->fd));
  NamespaceUndo undo{.path = path, .cookie = cookie};
  const absl::Status status = network_.RunInside(prepared.fd->get(), [&]() -> absl::Status {
    SLUICE_RETURN_IF_ERROR(CheckLoopbackIsUp());
    SLUICE_RETURN_IF_ERROR(OpenPodListeners(worker_count, prepared.listeners));
    undo.has_route_v4 = true;
    undo.has_route_v6 = !prepared.listeners.outbound_v6.empty();
    // A pod that left and came back before it was put back: what there was before is known.
    const NamespaceUndo* known = journal_.Find(cookie);
    if (known != nullptr && known->has_route_v6 == undo.has_route_v6) return Apply(*known);
    SLUICE_RETURN_IF_ERROR(ReadSysctls(undo));
    SLUICE_RETURN_IF_ERROR(journal_.RecordNamespace(undo));
    absl::Status applied = Apply(undo);
    if (applied.ok()) return applied;
    if (Undo(undo).ok()) journal_.ForgetNamespace(cookie).IgnoreError();
    return applied;
  });
  if (!status.ok()) return status;
  return prepared;
}

absl::Status PodNamespaces::Restore(const PreparedNamespace& prepared) {
  for (const NamespaceUndo& undo : journal_.list().namespaces) {
    if (undo.cookie != prepared.cookie) continue;
    SLUICE_RETURN_IF_ERROR(network_.RunInside(prepared.fd->get(), [&undo] { return Undo(undo); }));
    return journal_.ForgetNamespace(prepared.cookie);
  }
  return absl::OkStatus();
}

void PodNamespaces::RestoreEarlier(const UndoList& earlier) {
  for (const NamespaceUndo& undo : earlier.namespaces) {
    const absl::StatusOr<NamespaceFile> file = OpenNamespaceFile(undo.path);
    if (!file.ok()) continue;
    const absl::StatusOr<uint64_t> cookie = network_.CookieOf(file->fd.get());
    if (!cookie.ok() || *cookie != undo.cookie) continue;
    const absl::Status status = network_.RunInside(file->fd.get(), [&undo] { return Undo(undo); });
    base::LogInfo("put back what an earlier run left in a namespace",
                  {{"path", undo.path}, {"result", std::string(status.message())}});
  }
}

}  // namespace sluice::agent
