// A worker with an HTTP/2 client of the test's and the connections that the worker makes to the
// HTTP/2 server.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include <memory>
#include <vector>

#include "tests/unit/proxy/pumped_peer.h"

namespace sluice::proxy {

class WorkerStreamsTest : public testing::Test {
 protected:
  void Start(WorkerLimits limits = {}) {
    town_ = std::make_unique<WorkerTown>(limits);
    SLUICE_REQUIRE_RUNNING(*town_);
    town_->Dial("10.96.0.1:50");
    client_ = std::make_unique<PumpedPeer>(town_->Connect(), http::H2Role::kClient);
    ASSERT_TRUE(PumpUntil([&] { return client_->session().has_peer_settings(); }));
  }
  // Moves all ends, and takes what the worker dials, until `is_true()`.
  template <typename Condition>
  bool PumpUntil(Condition is_true) {
    return Eventually([&] {
      client_->Pump();
      pollfd ready{.fd = town_->server_fd(), .events = POLLIN, .revents = 0};
      while (::poll(&ready, 1, 0) > 0) {
        servers_.push_back(std::make_unique<PumpedPeer>(town_->Accept(), http::H2Role::kServer));
      }
      for (const auto& server : servers_) server->Pump();
      return is_true();
    });
  }
  size_t CountRequests() const {
    size_t count = 0;
    for (const auto& server : servers_) count += server->streams().size();
    return count;
  }

  std::unique_ptr<WorkerTown> town_;
  std::unique_ptr<PumpedPeer> client_;
  std::vector<std::unique_ptr<PumpedPeer>> servers_;
};

}  // namespace sluice::proxy
