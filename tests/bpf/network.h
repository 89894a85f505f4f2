// Network namespaces that stand for pods, on one bridge; and sockets inside them.
// Owns: everything it makes; a later run takes away what a killed one left.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "userspace/base/address.h"
#include "userspace/base/unique_fd.h"

namespace sluice::bpf_test {

struct Namespace {
  std::string name;
  base::UniqueFd fd;
  uint64_t cookie = 0;
  base::IpAddress v4;
  base::IpAddress v6;
};

class Network {
 public:
  Network();
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // host: 2..250; addresses 10.97.0.<host> and fd97::<host>.
  Namespace Add(const std::string& name, int host);

 private:
  std::string prefix_;
  std::string hub_;
};

// Runs `body` on a thread inside the namespace.
void In(const Namespace& where, const std::function<void()>& body);

// Sysctls, rule and route that the proxy's dials into this namespace need.
void PrepareDials(const Namespace& where);

// After which a broken test gives up: 5 s, times SLUICE_TEST_TIME_SCALE (slow machines).
std::chrono::seconds Patience();

// Blocking sockets that give up after Patience().
base::UniqueFd Socket(int family);
base::UniqueFd Listen(const Namespace& where, const base::SocketAddress& address,
                      bool is_dual_stack = false);
base::UniqueFd SocketIn(const Namespace& where, int family);
// 0 or errno.
int Connect(int fd, const base::SocketAddress& to);
// As an AF_INET6 socket dials an IPv4 address.
int ConnectMapped(int fd, const base::SocketAddress& to);
base::UniqueFd Accept(int listener, base::SocketAddress* peer = nullptr);
base::SocketAddress Peer(int fd);
base::SocketAddress Local(int fd);
base::SocketAddress At(const std::string& text);

}  // namespace sluice::bpf_test
