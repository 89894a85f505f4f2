// A worker that runs, with pods, a Service and a server of the test's own on the loopback interface
// of a network namespace that this process enters: no kernel programs. Service 10.96.0.1 has an
// HTTP port 80, an HTTP port 81 without an endpoint, an HTTP/2 port 50, a TCP port 90, ports 70 and
// 71 that declare nothing and a TLS port 60 whose TLSRoute sends a.test to port 90 and gone.test
// nowhere; the test accepts what the worker dials. Requires: io_uring and a namespace (is_running()
// is false without).
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "userspace/base/check.h"
#include "userspace/base/unique_fd.h"
#include "userspace/model/snapshot_builder.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: t\r\n\r\n";
inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// True as soon as `is_true()` is; false after ten seconds.
template <typename Condition>
bool Eventually(Condition is_true) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

// The connections of this network as the kernel tells them, in hexadecimal.
struct KernelConnection {
  std::string remote;  // Address, ":", port.
  std::string state;   // Of tcp_states.h.
  std::string queues;  // Not yet sent or acknowledged, ":", not yet read.
};
inline std::vector<KernelConnection> KernelConnections() {
  std::vector<KernelConnection> all;
  std::ifstream table("/proc/self/net/tcp");
  std::string line;
  std::getline(table, line);  // The columns' names.
  while (std::getline(table, line)) {
    KernelConnection connection;
    std::string slot, local;
    std::istringstream(line) >> slot >> local >> connection.remote >> connection.state >>
        connection.queues;
    all.push_back(std::move(connection));
  }
  return all;
}
// One waits for the answer to its first segment.
inline bool IsDialWaiting() {
  const auto all = KernelConnections();
  return std::any_of(all.begin(), all.end(),
                     [](const auto& one) { return one.state == "02"; });  // TCP_SYN_SENT
}

// Everything that was sent has been taken over at the other end, by its kernel at least.
inline bool IsTakenOver(int fd) {
  int unsent = 1;
  return ioctl(fd, TIOCOUTQ, &unsent) == 0 && unsent == 0;
}

// An address that may be an endpoint's, which a loopback address may not.
inline constexpr uint32_t kServerAddress = 0x0A090001;  // 10.9.0.1

// Once for the process, before it has a second thread.
inline bool EnterOwnNetwork() {
  static const bool has_entered = [] {
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq up{};
    std::strcpy(up.ifr_name, "lo");
    up.ifr_flags = IFF_UP;
    ifreq address{};
    std::strcpy(address.ifr_name, "lo:1");
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(kServerAddress);
    std::memcpy(&address.ifr_addr, &server, sizeof server);
    return ioctl(fd.get(), SIOCSIFFLAGS, &up) == 0 && ioctl(fd.get(), SIOCSIFADDR, &address) == 0;
  }();
  return has_entered;
}

inline void LimitTime(int fd) {
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

// A blocking socket whose calls give up after ten seconds.
class Peer {
 public:
  explicit Peer(base::UniqueFd fd) : fd_(std::move(fd)) { LimitTime(fd_.get()); }
  int fd() const { return fd_.get(); }
  uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  bool Send(std::string_view bytes) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Everything up to and including `end`; what came if it ends before ("!reset" is appended then).
  std::string ReadUntil(std::string_view end) {
    std::string seen;
    while (!seen.ends_with(end)) {
      char byte;
      const ssize_t size = Receive(&byte, 1, 0);
      if (size < 0) return seen + "!" + std::strerror(errno);
      if (size == 0) return seen;
      seen += byte;
    }
    return seen;
  }
  std::string ReadHead() { return ReadUntil("\r\n\r\n"); }
  std::string ReadAll() { return ReadUntil("no such text"); }
  // Until the kernel has taken nothing for a while: all the way to us is full.
  void SendAsMuchAsIsTaken() {
    const std::string block(64 * 1024, 'x');
    pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    while (::poll(&ready, 1, 50) > 0) {
      if (::send(fd_.get(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL) <= 0) return;
    }
  }
  bool ReadSome(size_t size) {
    std::string buffer(size, '\0');
    return Receive(buffer.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }
  size_t CountToEnd() {
    std::string buffer(64 * 1024, '\0');
    size_t count = 0;
    while (true) {
      const ssize_t size = Receive(buffer.data(), buffer.size(), 0);
      if (size <= 0) return count;
      count += static_cast<size_t>(size);
    }
  }
  void FinishSending() { ::shutdown(fd_.get(), SHUT_WR); }
  void Reset() {
    const linger abort_on_close{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close);
    fd_.Reset();
  }
  void Close() { fd_.Reset(); }

 private:
  // The kernel interrupts a call with a time limit also to clean up rings of this thread.
  ssize_t Receive(char* buffer, size_t size, int flags) {
    ssize_t received;
    do {
      received = ::recv(fd_.get(), buffer, size, flags);
    } while (received < 0 && errno == EINTR);
    return received;
  }

  base::UniqueFd fd_;
};

// Ends the set-up of a test: without io_uring it fails in continuous integration and is reported as
// skipped elsewhere.
#define SLUICE_REQUIRE_RUNNING(town)                              \
  do {                                                            \
    if ((town).is_running()) break;                               \
    if (std::getenv("CI") != nullptr) FAIL() << "needs io_uring"; \
    GTEST_SKIP() << "io_uring is not to be had here";             \
  } while (false)

class WorkerTown {
 public:
  explicit WorkerTown(WorkerLimits limits = {})
      : is_running_(EnterOwnNetwork()),
        server_(Listen(kServerAddress, &server_port_)),
        undeclared_server_(Listen(kServerAddress, &undeclared_port_)),
        worker_({.limits = limits},
                [this](uint64_t, const base::SocketAddress&) { return dialled_; },
                {.sockets_wanted = [this](uint32_t, const DialSocketKey& key, uint32_t count) {
                  MakeSockets(key, count);
                }}) {
    LimitTime(server_.get());
    LimitTime(undeclared_server_.get());
    is_running_ = is_running_ && worker_.Start(MakeConfig([](model::SnapshotBuilder&) {})).ok();
    if (is_running_) AddPod(1);
  }
  ~WorkerTown() { worker_.StopAndJoin(); }

  bool is_running() const { return is_running_; }
  Worker& worker() { return worker_; }
  uint64_t count(Counter counter) const {
    return worker_.counters().value(static_cast<size_t>(counter));
  }
  uint64_t closed(CloseReason reason) const {
    return worker_.counters().closed(static_cast<size_t>(reason));
  }
  uint64_t refused(CloseReason reason) const {
    return worker_.counters().refused(static_cast<size_t>(reason));
  }

  void AddPod(uint32_t pod_id) {
    uint16_t port = 0;
    auto spec = std::make_shared<LocalPodSpec>(
        LocalPodSpec{.pod_id = pod_id, .name = "p", .namespace_name = "shop"});
    spec->addresses.push_back(*base::IpAddress::Parse("10.0.0." + std::to_string(pod_id)));
    spec->listeners.push_back({.is_inbound = false, .fd = Listen(INADDR_LOOPBACK, &port)});
    ports_.emplace_back(pod_id, port);
    worker_.Post([this, spec] { worker_.AddPod(std::move(*spec)); });
  }
  Peer Connect(uint32_t pod_id = 1) {
    base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    for (const auto& [id, port] : ports_) {
      if (id != pod_id) continue;
      const sockaddr_in address = At(INADDR_LOOPBACK, port);
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    return Peer(std::move(fd));
  }
  Peer Accept() { return AcceptAt(server_.get()); }
  // Connections to a port of the pod's that declares nothing, which DialPod chooses.
  void DialPod() {
    dialled_ = {.ip = *base::IpAddress::Parse("10.9.0.1"), .port = undeclared_port_};
  }
  Peer AcceptAtPod() { return AcceptAt(undeclared_server_.get()); }
  // What every client of this town dials: the HTTP port unless a test says otherwise.
  void Dial(std::string_view address) { dialled_ = *base::SocketAddress::Parse(address); }
  // The agent's part is played no more: dials wait for sockets.
  void GiveNoSockets() { gives_sockets_ = false; }
  // The worker does nothing while `during` runs.
  template <typename Work>
  void WhileHeld(Work during) {
    // The worker may look at it after this function has returned.
    struct Hold {
      std::atomic<bool> is_held{false};
      std::atomic<bool> may_go{false};
    };
    const auto hold = std::make_shared<Hold>();
    worker_.Post([hold] {
      hold->is_held = true;
      hold->is_held.notify_one();
      hold->may_go.wait(false);
    });
    hold->is_held.wait(false);
    during();
    hold->may_go = true;
    hold->may_go.notify_one();
  }
  const RuntimeConfig& config() const { return *config_; }
  // A new configuration: the town's own, and what `add` puts beside it.
  template <typename Add>
  void Configure(Add add) {
    worker_.Post([this, config = MakeConfig(add)] { worker_.SetConfig(config); });
  }
  // What the town's connections to the port that declares nothing have taught.
  std::shared_ptr<PortMemory> memory() const {
    return config_->MemoryOf(*config_->snapshot().FindServiceByName("shop/web.shop:70"));
  }
  int server_fd() const { return server_.get(); }
  // Not through the worker.
  Peer ConnectToServer() const {
    base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = At(kServerAddress, server_port_);
    ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return Peer(std::move(fd));
  }

 private:
  static Peer AcceptAt(int listener) {
    int fd;
    do {
      fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return Peer(base::UniqueFd(fd));
  }
  static sockaddr_in At(uint32_t ip, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(ip);
    return address;
  }
  static base::UniqueFd Listen(uint32_t ip, uint16_t* port) {
    base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = At(ip, 0);
    socklen_t size = sizeof address;
    ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(fd.get(), 1024);
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    *port = ntohs(address.sin_port);
    return fd;
  }
  void MakeSockets(const DialSocketKey& key, uint32_t count) {
    if (!gives_sockets_) return;
    auto sockets = std::make_shared<std::vector<base::UniqueFd>>();
    for (uint32_t i = 0; i < count; ++i) {
      sockets->emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    }
    worker_.Post([this, key, sockets] { worker_.AddDialSockets(key, std::move(*sockets)); });
  }
  static route::v1::RouteTable TlsRoutes() {
    route::v1::RouteTable table;
    table.set_service("shop/web.shop");
    table.set_service_port(60);
    table.set_layer(route::v1::TLS);
    for (const auto& [name, port] : {std::pair{"a.test", 90u}, std::pair{"gone.test", 91u}}) {
      auto& entry = *table.add_entries();
      entry.set_server_name(name);
      entry.set_rule(static_cast<uint32_t>(table.rules_size()));
      auto& backend = *table.add_rules()->add_backends();
      backend.set_service("shop/web.shop");
      backend.set_port(port);
      backend.set_weight(1);
    }
    return table;
  }
  template <typename Add>
  std::shared_ptr<const RuntimeConfig> MakeConfig(Add add) {
    model::SnapshotBuilder builder;
    istio::workload::Address service_address;
    auto& service = *service_address.mutable_service();
    service.set_name("web");
    service.set_namespace_("shop");
    service.set_hostname("web.shop");
    service.add_addresses()->set_address(base::IpAddress::Parse("10.96.0.1")->ToBytes());
    istio::workload::Address workload_address;
    auto& workload = *workload_address.mutable_workload();
    workload.set_uid("standalone//Pod/shop/web-1");
    workload.set_name("web-1");
    workload.set_namespace_("shop");
    workload.add_addresses(base::IpAddress::Parse("10.9.0.1")->ToBytes());
    for (const auto& [number, protocol] :
         {std::pair{50u, istio::workload::HTTP2}, std::pair{60u, istio::workload::TLS},
          std::pair{70u, istio::workload::UNKNOWN}, std::pair{71u, istio::workload::UNKNOWN},
          std::pair{80u, istio::workload::HTTP11}, std::pair{90u, istio::workload::TCP}}) {
      auto& port = *service.add_ports();
      port.set_service_port(number);
      port.set_app_protocol(protocol);
      auto& target = *(*workload.mutable_services())["shop/web.shop"].add_ports();
      target.set_service_port(number);
      target.set_target_port(number == 71 ? undeclared_port_ : server_port_);
    }
    auto& lone_port = *service.add_ports();
    lone_port.set_service_port(81);
    lone_port.set_app_protocol(istio::workload::HTTP11);
    SLUICE_CHECK(builder.PutAddress(service_address).empty());
    SLUICE_CHECK(builder.PutAddress(workload_address).empty());
    SLUICE_CHECK(builder.PutRouteTable("shop/web.shop:60", TlsRoutes()).empty());
    add(builder);
    config_ = RuntimeConfig::Build(builder.Build(1), nullptr, names_);
    return config_;
  }

  bool is_running_;
  uint16_t server_port_ = 0;
  uint16_t undeclared_port_ = 0;
  base::UniqueFd server_;
  base::UniqueFd undeclared_server_;
  BackendNames names_;
  std::shared_ptr<const RuntimeConfig> config_;
  base::SocketAddress dialled_ = *base::SocketAddress::Parse("10.96.0.1:80");
  std::atomic<bool> gives_sockets_{true};
  std::vector<std::pair<uint32_t, uint16_t>> ports_;
  Worker worker_;
};

}  // namespace sluice::proxy
