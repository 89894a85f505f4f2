// A worker that drains, and clients that it let in before: what they begin in time is served.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/unit/proxy/http2_peer.h"
#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

class WorkerDrainTest : public testing::Test {
 protected:
  void SetUp() override {
    town_ = std::make_unique<WorkerTown>();
    SLUICE_REQUIRE_RUNNING(*town_);
  }
  void StartDrain() {
    town_->worker().Post([this] { town_->worker().StartDrain(); });
  }
  // A client that was accepted and has sent nothing.
  Peer ConnectAndDrain() {
    Peer client = town_->Connect();
    EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kActiveHttp) == 1; }));
    StartDrain();
    town_->WhileHeld([] {});  // It has begun.
    return client;
  }
  void Serve(Peer server) {
    EXPECT_TRUE(server.ReadHead().starts_with("GET /a HTTP/1.1"));
    server.Send(kOk);
  }

  std::unique_ptr<WorkerTown> town_;
};

TEST_F(WorkerDrainTest, AFirstRequestThatWasOnItsWayIsServed) {
  Peer client = ConnectAndDrain();

  client.Send(kGet);

  Serve(town_->Accept());
  EXPECT_TRUE(client.ReadAll().ends_with("\r\n\r\nok"));
}

TEST_F(WorkerDrainTest, AClientThatStaysSilentIsClosedSoon) {
  Peer client = ConnectAndDrain();

  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_EQ(town_->closed(CloseReason::kDraining), 1u);
}

TEST_F(WorkerDrainTest, AConnectionThatCameWithTheDrainIsServed) {
  std::optional<Peer> client;
  town_->WhileHeld([&] {
    StartDrain();
    client.emplace(town_->Connect());
    client->Send(kGet);
  });

  Serve(town_->Accept());
  EXPECT_TRUE(client->ReadAll().ends_with("\r\n\r\nok"));
}

TEST_F(WorkerDrainTest, AConnectionOfHttp2ThatBeginsInTheDrainIsServedAndToldToGo) {
  Http2Peer client(ConnectAndDrain(), http::H2Role::kClient);
  const uint32_t id = client.Request(kGet);

  Serve(town_->Accept());

  EXPECT_NE(client.Await(base::Concat("response ", id)), "");
  EXPECT_NE(client.Await("goaway"), "");
  EXPECT_TRUE(Eventually([&] {
    client.Flush();
    return client.AwaitMore() || town_->worker().session_count() == 0;
  }));
}

}  // namespace
}  // namespace sluice::proxy
