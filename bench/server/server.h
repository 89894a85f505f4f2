// An HTTP/1.1 server that costs as little as one can: epoll, one thread, answers of the size that
// the path names. It stands behind every target of the benchmarks, so that what is measured is what
// stands before it. Thread: Run() is one thread's loop; several may listen on one port
// (SO_REUSEPORT). Owns its sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "userspace/base/unique_fd.h"

namespace sluice::bench {

class Server {
 public:
  // Check is_listening() afterwards.
  explicit Server(uint16_t port);
  ~Server();

  bool is_listening() const { return listener_.is_valid(); }

  // Serves until the process ends.
  void Run();

 private:
  struct Connection;

  void Accept();
  void Receive(Connection& connection);
  void Answer(Connection& connection);
  bool Send(Connection& connection);
  void WatchFor(Connection& connection, uint32_t events);
  void Close(Connection& connection);

  base::UniqueFd listener_;
  base::UniqueFd epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;  // By descriptor.
  std::string body_;
};

}  // namespace sluice::bench
