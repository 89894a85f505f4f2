// What connections to one port that declares nothing were seen to speak, and so whether the next
// one is waited for (docs/adr/0013). A Service port's lives as long as the port goes on declaring
// nothing; for those of pods see pod_port_memories.h.
// Thread: any; every worker reads and writes it, so that one wait is enough for all of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "userspace/detect/protocol.h"

namespace sluice::proxy {

class PortMemory {
 public:
  enum Seen : uint8_t {
    kHttp1 = 1,
    kHttp2 = 2,
    kTls = 4,
    kOther = 8,         // The client spoke first, something else.
    kSilence = 16,      // Nobody spoke while the first connection waited.
    kServerFirst = 32,  // The server did.
  };

  static Seen SeenOf(detect::Speech speech) {
    switch (speech) {
      case detect::Speech::kHttp1:
        return kHttp1;
      case detect::Speech::kHttp2:
        return kHttp2;
      case detect::Speech::kTls:
        return kTls;
      case detect::Speech::kNeedMore:
      case detect::Speech::kOther:
        break;
    }
    return kOther;
  }

  void Note(Seen what) {
    if ((seen() & what) == 0) seen_.fetch_or(what, std::memory_order_relaxed);
  }
  void NoteWrongGuess() { wrong_guesses_.fetch_add(1, std::memory_order_relaxed); }
  uint8_t seen() const { return seen_.load(std::memory_order_relaxed); }
  uint32_t wrong_guesses() const { return wrong_guesses_.load(std::memory_order_relaxed); }

  // Calls `visit(std::string_view name)` for each thing seen.
  template <typename Visitor>
  void ForEachSeen(Visitor visit) const {
    static constexpr std::string_view kNames[] = {"http1", "http2",   "tls",
                                                  "other", "silence", "server_first"};
    for (size_t i = 0; i < std::size(kNames); ++i) {
      if ((seen() >> i & 1) != 0) visit(kNames[i]);
    }
  }

  bool IsClientFirst() const { return (seen() & (kHttp1 | kHttp2 | kTls | kOther)) != 0; }
  // No connection waits for its client's first bytes. Once a server was seen to speak first that
  // stays so: whoever sends such a port a request cannot make the others wait.
  bool DialsAtOnce() const {
    return (seen() & kServerFirst) != 0 || ((seen() & kSilence) != 0 && !IsClientFirst());
  }

 private:
  std::atomic<uint8_t> seen_{0};
  std::atomic<uint32_t> wrong_guesses_{0};
};

}  // namespace sluice::proxy
