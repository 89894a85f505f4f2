// One thread of load on one HTTP/1.1 address: a closed loop, or an open one at a fixed rate
// (schedule.h). Bounds: kConnectionsMax connections, one request in flight on each; gives up after
// kErrorsMax errors. Thread: one. Owns its sockets; they are closed when it goes.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/response.h"
#include "bench/load/results.h"
#include "bench/load/schedule.h"
#include "userspace/base/unique_fd.h"

namespace sluice::bench {

class Generator {
 public:
  static constexpr uint32_t kConnectionsMax = 19'000;
  static constexpr uint64_t kErrorsMax = 1000;

  explicit Generator(const LoadOptions& options);

  // Runs the load and returns what it saw.
  Results Run();

  // Opens every connection and, if wanted, makes one request on each; they stay open as long as
  // this object lives. Returns how many are open.
  uint32_t Hold(bool is_request_first);

 private:
  struct Connection {
    enum class State : uint8_t { kClosed, kConnecting, kIdle, kBusy, kEnding };
    base::UniqueFd fd;
    State state = State::kClosed;
    bool waits_to_write = false;
    size_t sent_size = 0;
    int64_t intended_ns = 0;
    ResponseReader reader;
  };

  void IssueDue(int64_t now_ns);
  void Issue(Connection& connection, int64_t intended_ns);
  bool Open(Connection& connection);
  void Send(Connection& connection);
  void Wait(int64_t until_ns);
  void OnEvent(Connection& connection, uint32_t events);
  void Receive(Connection& connection);
  void Finish(Connection& connection);
  void Fail(Connection& connection, uint64_t& counter);
  void Close(Connection& connection);
  void Watch(Connection& connection, int operation, bool wants_write);
  void CountWhatIsLeft(int64_t now_ns);
  bool HasFailed() const { return results_.errors() >= kErrorsMax; }

  LoadOptions options_;
  std::string request_;
  base::UniqueFd epoll_;
  std::vector<Connection> connections_;
  std::deque<Connection*> free_;  // Connections that wait for a request, the longest waiting first.
  std::vector<char> buffer_;
  std::vector<epoll_event> events_;
  Schedule schedule_;
  int64_t measured_from_ns_ = 0;
  bool is_measured_now_ = false;  // As of this turn's beginning.
  Results results_;
};

}  // namespace sluice::bench
