// A running worker and connections that are routed by the name in their ClientHello.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/unit/detect/hello_bytes.h"
#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

class TlsRouteTest : public testing::Test {
 protected:
  void Start(WorkerLimits limits = {}) {
    town_ = std::make_unique<WorkerTown>(limits);
    SLUICE_REQUIRE_RUNNING(*town_);
    town_->Dial("10.96.0.1:60");
  }
  static std::string HelloFor(std::string_view name, size_t record_size = 16384) {
    return detect::Records(detect::Hello(detect::ServerName(name)), record_size);
  }
  void IsResetWith(CloseReason reason, std::string_view bytes) {
    Peer client = town_->Connect();
    client.Send(bytes);
    EXPECT_EQ(client.ReadAll(), "!Connection reset by peer");
    EXPECT_TRUE(Eventually([&] { return town_->closed(reason) == 1; }));
  }

  std::unique_ptr<WorkerTown> town_;
};

TEST_F(TlsRouteTest, AHelloGoesWholeToTheBackendOfItsName) {
  Start();
  Peer client = town_->Connect();
  const std::string bytes = HelloFor("a.test") + "and more";

  client.Send(bytes);
  Peer server = town_->Accept();

  EXPECT_EQ(server.ReadUntil("and more"), bytes);
  server.Send("answer\n");
  EXPECT_EQ(client.ReadUntil("\n"), "answer\n");
}

TEST_F(TlsRouteTest, AHelloInManyRecordsAndManySegmentsGoesOnToo) {
  Start();
  Peer client = town_->Connect();
  const std::string bytes = HelloFor("a.test", 10);

  for (size_t i = 0; i < bytes.size(); i += 7) client.Send(std::string_view(bytes).substr(i, 7));
  Peer server = town_->Accept();

  EXPECT_EQ(server.ReadUntil(bytes), bytes);
}

TEST_F(TlsRouteTest, ANameThatNoRouteTakesIsReset) {
  Start();
  IsResetWith(CloseReason::kNoRoute, HelloFor("b.test"));
}

TEST_F(TlsRouteTest, AHelloWithoutANameIsReset) {
  Start();
  IsResetWith(CloseReason::kNoRoute, detect::Records(detect::Hello("")));
}

TEST_F(TlsRouteTest, ABackendThatDoesNotExistIsAReset) {
  Start();
  IsResetWith(CloseReason::kInvalidBackend, HelloFor("gone.test"));
}

TEST_F(TlsRouteTest, WhatIsNotTlsIsReset) {
  Start();
  IsResetWith(CloseReason::kBadClientHello, kGet);
}

TEST_F(TlsRouteTest, AHelloAboveTheLimitIsReset) {
  Start();
  IsResetWith(CloseReason::kBadClientHello, detect::Number(0x1603010004, 5) + "\1\xff\xff\xff");
}

TEST_F(TlsRouteTest, AHelloThatEndsEarlyIsReset) {
  Start();
  Peer client = town_->Connect();
  client.Send(HelloFor("a.test").substr(0, 30));

  client.FinishSending();

  EXPECT_EQ(client.ReadAll(), "!Connection reset by peer");
  EXPECT_EQ(town_->closed(CloseReason::kClientClosed), 1u);
}

TEST_F(TlsRouteTest, AHelloThatDoesNotGoOnIsClosedAtTheTimeLimit) {
  Start({.request_head_timeout_ns = 10 * kMillisecond});
  Peer client = town_->Connect();

  client.Send(HelloFor("a.test").substr(0, 30));

  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_EQ(town_->closed(CloseReason::kHeadTimeout), 1u);
  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kBufferedBytes) == 0; }));
}

}  // namespace
}  // namespace sluice::proxy
