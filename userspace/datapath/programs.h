// The loaded kernel programs and their maps: load, attach, pin, and typed access to the maps.
// The only files that know libbpf are this one's body and the tests.
// Owns: programs, maps, links and the pins under one folder. Thread: one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/wall.h"

struct sluice_bpf;
struct bpf_link;

namespace sluice::datapath {

enum class MapName : uint8_t {
  kPods,
  kAddresses,
  kListeners,
  kDestinations,
  kDialMarks,
  kOriginalDestinations,
  kDials,
  kSpliced,
  kPairs,
  kCounters,
};
inline constexpr size_t kMapCount = static_cast<size_t>(MapName::kCounters) + 1;

class Programs {
 public:
  // Loads with everything the kernel offers; falls back step by step where it refuses a part.
  static absl::StatusOr<std::unique_ptr<Programs>> Load();
  ~Programs();
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  bool has_splice() const { return has_splice_; }
  const std::string& splice_error() const { return splice_error_; }  // Why not.

  // To the cgroup v2 root; links and maps are pinned in `pin_dir`, a new folder, so that they
  // outlive this process.
  absl::Status Attach(int cgroup_fd, const std::string& pin_dir);
  // sk_lookup on one namespace; pinned under the cookie's name.
  absl::Status AttachInbound(uint64_t netns_cookie, int netns_fd);
  void DetachInbound(uint64_t netns_cookie);
  // Removes pins and links, and the folder above `pin_dir` if nothing else is in it.
  absl::Status Detach();
  // Pins and what they hold attached stay when this object goes.
  void Leave();

  int map_fd(MapName name) const;
  absl::Status Write(MapName name, const void* key, const void* value, uint64_t flags = 0);
  absl::Status Delete(MapName name, const void* key);  // Ok if it was not there.
  bool Read(MapName name, const void* key, void* value) const;
  std::vector<KernelCounter> ReadCounters() const;
  absl::Status ClearCounters();
  // Entries written and deleted by this process, by map.
  std::vector<KernelCounter> MapWrites() const;

 private:
  Programs() = default;
  absl::Status Pin(bpf_link* link, const std::string& name);
  absl::Status PinMaps();
  absl::Status AttachSplice();

  sluice_bpf* skeleton_ = nullptr;
  bool has_splice_ = false;
  std::string splice_error_;
  std::string pin_dir_;
  Wall wall_;
  std::vector<bpf_link*> links_;
  std::map<uint64_t, bpf_link*> inbound_links_;  // By netns cookie.
  std::array<uint64_t, kMapCount> writes_{};
};

}  // namespace sluice::datapath
