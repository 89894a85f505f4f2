// A client pod, a server pod, an outside client, and the proxy's part played by hand.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/bpf/network.h"
#include "userspace/datapath/datapath.h"

namespace sluice::bpf_test {

inline constexpr char kVip4[] = "10.98.0.1";
inline constexpr char kVip6[] = "fd98::1";
inline constexpr uint16_t kAppPort = 8080;

// The four sockets of a same-node hop; see bpf/establish.bpf.c.
struct Hop {
  base::UniqueFd c;
  base::UniqueFd p1;
  base::UniqueFd p2;
  base::UniqueFd s;
};

class Mesh {
 public:
  explicit Mesh(datapath::Acceleration acceleration);  // Of both pods.
  ~Mesh();

  Network network;
  Namespace client = network.Add("client", 2);
  Namespace server = network.Add("server", 3);
  Namespace outside = network.Add("outside", 4);
  std::unique_ptr<datapath::Datapath> datapath;

  // Both pods, their listeners, and destinations: VIP port 80 to the proxy, 81 denied, other ports
  // passed; both pods' addresses to the proxy.
  void Enrol();
  absl::Status EnrolClient();
  std::string base_dir() const { return bpffs_ + "/sluice"; }
  std::string pin_dir() const { return base_dir() + "/1"; }  // Of the first run.
  base::UniqueFd outbound4, outbound6;                       // In the client pod.
  base::UniqueFd inbound4, inbound6;                         // In the server pod.

  // Client pod to VIP, then the proxy's dial to `app`, a listener in the server pod.
  Hop MakeHop(int app, const base::SocketAddress& vip, const base::SocketAddress& app_address);
  base::UniqueFd DialLocalPod(const base::SocketAddress& as, const base::SocketAddress& to);
  uint64_t Counter(const std::string& name) const;

 private:
  const datapath::Acceleration acceleration_;
  std::string bpffs_;
  bool has_mounted_ = false;
};

// Skips (fails in CI) without the privileges; one mesh for all tests of a suite.
class MeshTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  static std::unique_ptr<Mesh> mesh_;
};

}  // namespace sluice::bpf_test
