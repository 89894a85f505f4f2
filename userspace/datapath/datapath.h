// The kernel side of a node: loads, attaches, pins and fills the BPF programs of bpf/.
// Thread: one (the agent's main thread); nothing here blocks for long.
// Errors: every call that fails leaves enrolled pods closed (deny), never open.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/base/address.h"

namespace sluice::datapath {

// How far same-node legs are joined in the kernel (docs/architecture.md). Ordered: a higher level
// contains the lower.
enum class Acceleration : uint8_t {
  kOff,   // Plain TCP everywhere.
  kSend,  // Application -> proxy only.
  kFull,  // All four sockets of a same-node hop.
};
const char* AccelerationName(Acceleration level);

struct DatapathOptions {
  std::string bpffs_dir;   // Folder on a mounted bpffs that is the mesh's alone; made if missing.
  std::string cgroup_dir;  // cgroup v2 root; empty: found from the mount table.
};

struct LevelChoice {
  Acceleration level = Acceleration::kOff;
  std::string reason;  // Empty if the level is the one asked for.
};

// One start-up probe on socket pairs of our own.
struct ProbeResult {
  std::string name;  // "redirect", "memory_charged", "fionread_native", "fionread_redirected",
                     // "order", "half_close"...
  bool has_passed = false;
  std::string detail;  // What was expected and seen; what follows from a failure.
};

// A pod whose sockets are captured from EnrolPod until RemovePod.
struct PodSockets {
  uint32_t pod_id = 0;  // From 1.
  uint64_t netns_cookie = 0;
  int netns_fd = -1;           // Borrowed for the call.
  base::IpAddress address_v4;  // Unspecified if the pod has none.
  base::IpAddress address_v6;
  int inbound_listener_v4 = -1;  // Borrowed for the call; listening; -1: no such family.
  int inbound_listener_v6 = -1;
  Acceleration acceleration = Acceleration::kOff;  // What is asked for; see ChooseLevel.
};

enum class FlowPath : uint8_t { kPass, kProxy, kDeny };

// What an enrolled pod may dial: port 0 covers every port of the address that has no entry of its
// own.
struct Destination {
  base::IpAddress address;
  uint16_t port = 0;
  FlowPath path = FlowPath::kProxy;

  friend auto operator<=>(const Destination&, const Destination&) = default;
};

struct MapChange {
  uint32_t written = 0;
  uint32_t deleted = 0;
};

struct KernelCounter {
  std::string name;  // Verdict or event name from bpf/abi, for example "connect_proxied".
  uint64_t value = 0;
};

class Datapath {
 public:
  // Probes, loads, attaches to the cgroup root and pins below bpffs_dir, beside what earlier runs
  // left there: their pods stay closed until they are enrolled here or released.
  static absl::StatusOr<std::unique_ptr<Datapath>> Create(const DatapathOptions& options);
  virtual ~Datapath() = default;

  // What a pod gets that asks for `requested`: the highest level up to it that this kernel was
  // found to be safe with.
  virtual LevelChoice ChooseLevel(Acceleration requested) const = 0;
  virtual const std::vector<ProbeResult>& probes() const = 0;

  // First inbound (listeners, sk_lookup on the namespace), then outbound capture. All or nothing.
  virtual absl::Status EnrolPod(const PodSockets& pod) = 0;
  virtual absl::Status RemovePod(uint64_t netns_cookie) = 0;
  // For connections from now on; those that are open keep what they have.
  virtual absl::Status SetAcceleration(uint64_t netns_cookie, Acceleration requested) = 0;

  // Netns cookies of pods that an earlier run captured and this one has not. Their connections are
  // refused: nobody serves the listeners they are led to. EnrolPod takes a pod over without a
  // moment in which neither run captures it; ReleaseEarlierPod opens one that is in the mesh no
  // more.
  virtual std::vector<uint64_t> EarlierPods() const = 0;
  virtual void ReleaseEarlierPod(uint64_t netns_cookie) = 0;

  // Makes the kernel's table equal to `desired` (sorted or not) by writing only the difference.
  virtual absl::StatusOr<MapChange> SyncDestinations(std::vector<Destination> desired) = 0;

  // Marks a socket of ours: connect() on it passes untouched. The mark cannot be forged by a pod.
  virtual absl::Status MarkDialSocket(int fd) = 0;

  virtual int original_destinations_fd() const = 0;  // For the proxy; see original_destination.h.
  virtual std::vector<KernelCounter> ReadCounters() const = 0;
  // Entries written to and deleted from each kernel table, refused ones too.
  virtual std::vector<KernelCounter> MapWrites() const = 0;

  // Takes every program, link and pin away, those of earlier runs too. The destructor of a Datapath
  // that was neither detached nor left takes only its own away.
  virtual absl::Status Detach() = 0;
  // Capture stays when this object goes: its pods are closed until the next run has them.
  virtual void Leave() = 0;
};

}  // namespace sluice::datapath
