#include "userspace/datapath/map_change.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi/limits.h"

namespace sluice::datapath {
namespace {

bool HasSameKey(const Destination& a, const Destination& b) {
  return a.address == b.address && a.port == b.port;
}

bool IsKeyBefore(const Destination& a, const Destination& b) {
  return std::tie(a.address, a.port) < std::tie(b.address, b.port);
}

}  // namespace

absl::StatusOr<std::vector<Destination>> NormaliseDestinations(std::vector<Destination> desired) {
  std::sort(desired.begin(), desired.end());
  desired.erase(std::unique(desired.begin(), desired.end()), desired.end());
  const auto twice = std::adjacent_find(desired.begin(), desired.end(), HasSameKey);
  if (twice != desired.end()) {
    const base::SocketAddress where{.ip = twice->address, .port = twice->port};
    return absl::InvalidArgumentError(
        absl::StrCat("destination ", where.ToString(), " has two different paths"));
  }
  if (desired.size() > SLUICE_DESTINATIONS_MAX) {
    return absl::ResourceExhaustedError(absl::StrCat(
        desired.size(), " destinations, the kernel table holds ", SLUICE_DESTINATIONS_MAX));
  }
  return desired;
}

DestinationChange ComputeMapChange(const std::vector<Destination>& current,
                                   const std::vector<Destination>& desired) {
  DestinationChange change;
  auto have = current.begin();
  auto want = desired.begin();
  while (have != current.end() || want != desired.end()) {
    if (want == desired.end() || (have != current.end() && IsKeyBefore(*have, *want))) {
      change.deleted.push_back(*have++);
    } else if (have == current.end() || IsKeyBefore(*want, *have)) {
      change.written.push_back(*want++);
    } else {
      if (have->path != want->path) change.written.push_back(*want);
      ++have;
      ++want;
    }
  }
  return change;
}

std::vector<Destination> AfterPartOf(std::vector<Destination> current,
                                     const DestinationChange& change, MapChange done) {
  std::map<std::pair<base::IpAddress, uint16_t>, FlowPath> table;
  for (const Destination& entry : current) table[{entry.address, entry.port}] = entry.path;
  for (uint32_t i = 0; i < done.written; ++i) {
    const Destination& entry = change.written[i];
    table[{entry.address, entry.port}] = entry.path;
  }
  for (uint32_t i = 0; i < done.deleted; ++i)
    table.erase({change.deleted[i].address, change.deleted[i].port});
  current.clear();
  for (const auto& [key, path] : table)
    current.push_back({.address = key.first, .port = key.second, .path = path});
  return current;
}

}  // namespace sluice::datapath
