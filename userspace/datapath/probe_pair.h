// One captured connection of our own for the probes: in a network namespace that lives only on this
// thread, enrolled like a pod, dialled through the real capture programs. Owns: the namespace's
// entries in the maps. Thread: the one that made it, which is in the namespace from then on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/programs.h"

namespace sluice::datapath {

class ProbeNamespace {
 public:
  // Moves this thread into a new namespace for good.
  static absl::StatusOr<std::unique_ptr<ProbeNamespace>> Create(Programs& programs);
  ~ProbeNamespace();
  ProbeNamespace(const ProbeNamespace&) = delete;
  ProbeNamespace& operator=(const ProbeNamespace&) = delete;

  // `application` plays c, `proxy` plays p1 (bpf/establish.bpf.c). Both blocking, with a time
  // limit.
  struct Pair {
    base::UniqueFd application;
    base::UniqueFd proxy;
  };
  absl::StatusOr<Pair> Connect(Acceleration level);

 private:
  explicit ProbeNamespace(Programs& programs) : programs_(programs) {}
  absl::Status Listen();
  absl::Status Enrol(Acceleration level);

  Programs& programs_;
  uint64_t cookie_ = 0;
  base::UniqueFd listener_;
};

// The following are what the probes ask of a socket.
bool SendExactly(int fd, const void* data, size_t size);
bool ReceiveExactly(int fd, void* data, size_t size);
size_t UnreadBytes(int fd);  // Memory that the kernel charges to the receiver (SO_MEMINFO).
int WaitingBytes(int fd);    // FIONREAD; -1 on error.

}  // namespace sluice::datapath
