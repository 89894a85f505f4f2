#include "userspace/agent/snapshot_file.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "userspace/agent/discovery_frame.h"
#include "userspace/agent/files.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"

namespace sluice::agent {

std::string EncodeSnapshot(const Resources& resources) {
  std::string bytes;
  for (const auto& response : ToResponses(resources))
    bytes += EncodeFrame(response.SerializeAsString());
  return bytes;
}

absl::StatusOr<Resources> DecodeSnapshot(const std::string& bytes) {
  FrameDecoder decoder;
  decoder.Append(bytes);
  Resources resources;
  size_t read_size = 0;
  std::string_view message;
  while (true) {
    const absl::StatusOr<bool> has_message = decoder.Next(message);
    if (!has_message.ok()) return has_message.status();
    if (!*has_message) break;
    read_size += kFrameHeadSize + message.size();
    discovery::v1::DeltaDiscoveryResponse response;
    if (!response.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return absl::DataLossError("a message of the snapshot cannot be parsed");
    }
    const ApplyResult result = ApplyResponse(response, resources);
    if (!result.errors.empty())
      return absl::DataLossError(absl::StrCat("snapshot: ", result.errors[0]));
  }
  if (read_size != bytes.size()) return absl::DataLossError("the snapshot is cut off");
  return resources;
}

absl::Status SaveSnapshot(const Resources& resources, const std::string& path) {
  return ReplaceFile(path, EncodeSnapshot(resources));
}

absl::StatusOr<Resources> LoadSnapshot(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path, kSnapshotFileSizeMax);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<Resources> resources = DecodeSnapshot(*bytes);
  if (!resources.ok()) return base::Wrap(resources.status(), path);
  return resources;
}

}  // namespace sluice::agent
