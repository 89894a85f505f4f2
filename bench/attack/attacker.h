// Attacks one address with a bounded number of connections at a bounded pace, and counts what
// becomes of them. Bounds: kConnectionsMax; every wait ends after a fifth of a second.
// Thread: Run() blocks its own until Stop() is called by any other. Owns its sockets.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/attack/units.h"
#include "userspace/base/unique_fd.h"

namespace sluice::bench {

struct AttackOptions {
  std::string address;  // IPv4.
  uint16_t port = 80;
  uint32_t connection_count = 1;  // Of attacks that keep them.
  double rate_per_s = 100;        // Turns: a connection, or a part of an attack that goes on.
};

struct AttackResults {
  uint64_t connections = 0;
  uint64_t connect_errors = 0;
  uint64_t ended_by_peer = 0;
  uint64_t sent_size = 0;
};

class Attacker {
 public:
  static constexpr uint32_t kConnectionsMax = 8000;

  Attacker(const AttackOptions& options, const Attack& attack);

  // Makes the first turn of every connection.
  void Begin();
  AttackResults Run();
  void Stop() { must_stop_ = true; }

 private:
  base::UniqueFd Open();
  bool Send(int fd, const std::string& bytes);
  void Flood();
  void Keep(base::UniqueFd& connection);

  const AttackOptions options_;
  const Attack attack_;
  std::vector<base::UniqueFd> kept_;
  std::atomic<bool> must_stop_ = false;
  AttackResults results_;
};

}  // namespace sluice::bench
