// What must change in the kernel's table of destinations. Pure.
// Bounds: SLUICE_DESTINATIONS_MAX entries. Errors: kInvalidArgument, kResourceExhausted.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "userspace/datapath/datapath.h"

namespace sluice::datapath {

struct DestinationChange {
  std::vector<Destination> written;  // New, or with another path.
  std::vector<Destination> deleted;
};

// Sorted, equal ones merged. Refuses two paths for one address and port, and more than the table
// holds.
absl::StatusOr<std::vector<Destination>> NormaliseDestinations(std::vector<Destination> desired);

// Requires: both come from NormaliseDestinations.
DestinationChange ComputeMapChange(const std::vector<Destination>& current,
                                   const std::vector<Destination>& desired);

// What the table holds after the first `done` writes and deletions of `change`.
std::vector<Destination> AfterPartOf(std::vector<Destination> current,
                                     const DestinationChange& change, MapChange done);

}  // namespace sluice::datapath
