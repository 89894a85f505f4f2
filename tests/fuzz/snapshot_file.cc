// The state file of a node as a disk or an editor could give it back. It is taken whole or not at
// all, comes back the same when it is written again, and what it says of pods fits the packets to
// the proxy.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "userspace/agent/desired_state.h"
#include "userspace/agent/pod_messages.h"
#include "userspace/agent/pod_plan.h"
#include "userspace/agent/snapshot_file.h"
#include "userspace/base/check.h"

namespace {

using namespace sluice::agent;

// With maps in order: equal messages give equal bytes.
std::string BytesOf(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

template <typename Message>
void CheckSame(const ResourceMap<Message>& a, const ResourceMap<Message>& b) {
  SLUICE_CHECK(a.size() == b.size());
  for (const auto& [name, resource] : a) {
    const auto found = b.find(name);
    SLUICE_CHECK(found != b.end() && found->second.version == resource.version);
    SLUICE_CHECK(BytesOf(*found->second.message) == BytesOf(*resource.message));
  }
}

void CheckPackets(const Resources& resources) {
  for (const auto& part : ComputeConfigParts(resources, Resources(), 1).parts)
    SLUICE_CHECK(part.ByteSizeLong() <= kPacketSizeMax);
  Observations observations;
  for (const auto& [name, pod] : resources.local_pods) {
    const uint64_t number = observations.size() + 2;
    observations[pod.message->netns_path()] = {.device = 1, .inode = number, .cookie = number};
  }
  for (const PlannedPod& pod : PlanPods(resources, observations, {}, /*home_cookie=*/1)) {
    std::vector<SharedFd> fds;
    SLUICE_CHECK(AddPodMessage(1, pod, PreparedNamespace(), fds).ByteSizeLong() <= kPacketSizeMax);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto resources = DecodeSnapshot(bytes);
  if (!resources.ok()) return 0;
  SLUICE_CHECK(bytes.empty() || !DecodeSnapshot(bytes.substr(0, size - 1)).ok());
  SLUICE_CHECK(!DecodeSnapshot(bytes + '\0').ok());
  const auto again = DecodeSnapshot(EncodeSnapshot(*resources));
  SLUICE_CHECK(again.ok());
  CheckSame(resources->addresses, again->addresses);
  CheckSame(resources->route_tables, again->route_tables);
  CheckSame(resources->local_pods, again->local_pods);
  CheckSame(resources->problems, again->problems);
  CheckPackets(*resources);
  return 0;
}
