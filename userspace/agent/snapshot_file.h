// The last good state from the controller, kept on disk so that a node serves without one.
// Format: frames of discovery_frame.h, each a DeltaDiscoveryResponse that holds all resources of
// one type. Errors: a file that cannot be read whole is refused whole: half a mesh is worse than
// none.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/agent/resources.h"

namespace sluice::agent {

inline constexpr size_t kSnapshotFileSizeMax = 256u << 20;

std::string EncodeSnapshot(const Resources& resources);
absl::StatusOr<Resources> DecodeSnapshot(const std::string& bytes);

absl::Status SaveSnapshot(const Resources& resources, const std::string& path);
// kNotFound if there is none yet.
absl::StatusOr<Resources> LoadSnapshot(const std::string& path);

}  // namespace sluice::agent
