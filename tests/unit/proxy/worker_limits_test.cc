// What a running worker refuses when a limit of it is hit, and whom it goes on serving.
#include <gtest/gtest.h>

#include <cstdlib>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

constexpr size_t kKib = 1024;

class WorkerLimitsTest : public testing::Test {
 protected:
  void Start(WorkerLimits limits) {
    town_ = std::make_unique<WorkerTown>(limits);
    SLUICE_REQUIRE_RUNNING(*town_);
  }
  std::string Get(Peer& client) {
    client.Send(kGet);
    Peer server = town_->Accept();
    server.ReadHead();
    server.Send(kOk);
    return client.ReadUntil("ok");
  }
  void SendPartOfAHead(Peer& client, size_t size) {
    client.Send("GET /a HTTP/1.1\r\nX-A: ");
    client.Send(std::string(size, 'a'));
  }

  std::unique_ptr<WorkerTown> town_;
};

TEST_F(WorkerLimitsTest, APodGetsNoMoreThanThreeTimesWhatIsLeftForAll) {
  Start({.descriptors_shared = 20});
  std::vector<Peer> clients;
  for (int i = 0; i < 15; ++i) clients.push_back(town_->Connect());
  Peer refused = town_->Connect();

  EXPECT_NE(refused.ReadAll().find("reset"), std::string::npos);
  EXPECT_EQ(town_->closed(CloseReason::kPodShare), 1u);
  EXPECT_EQ(town_->count(Counter::kActiveHttp), 15u);
}

TEST(PodShareTest, TenThousandIdleConnectionsOfOnePodFitAmongTwentyThousandDescriptors) {
  for (const int workers : {1, 2, 4}) {
    const int shared = (20'000 - kDescriptorReserve) / workers;
    const int most = 10'000 / workers * 11 / 10;  // The kernel deals them out by chance.
    EXPECT_TRUE(HasPodShareLeft(most, most, shared)) << workers << " workers";
  }
}

TEST_F(WorkerLimitsTest, AGreedyPodLeavesTheOthersTheirShare) {
  Start({.descriptors_shared = 20});
  town_->AddPod(2);
  std::vector<Peer> greedy;
  for (int i = 0; i < 30; ++i) greedy.push_back(town_->Connect(1));
  ASSERT_TRUE(Eventually([&] { return town_->closed(CloseReason::kPodShare) == 15; }));

  Peer other = town_->Connect(2);

  EXPECT_TRUE(Get(other).ends_with("\r\n\r\nok"));
}

TEST_F(WorkerLimitsTest, ThePodsShareIsFreeAgainOnceItsConnectionsAreClosed) {
  Start({.descriptors_shared = 2});
  {
    Peer first = town_->Connect();
    Peer second = town_->Connect();
    ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kActiveHttp) == 2; }));
  }
  ASSERT_TRUE(Eventually([&] { return town_->worker().session_count() == 0; }));

  Peer client = town_->Connect();

  EXPECT_TRUE(Get(client).ends_with("\r\n\r\nok"));
}

TEST_F(WorkerLimitsTest, UnfinishedHeadsStayWithinTheBudgetAndOthersAreServed) {
  constexpr size_t kMax = 1024 * kKib;
  Start({.buffered_bytes_max = kMax});
  std::vector<Peer> holders;
  for (int i = 0; i < 60; ++i) {
    holders.push_back(town_->Connect());
    SendPartOfAHead(holders.back(), 40 * kKib);
  }
  ASSERT_TRUE(
      Eventually([&] { return town_->count(Counter::kBytesFromClient) >= 60 * 40 * kKib; }));

  Peer client = town_->Connect();

  EXPECT_TRUE(Get(client).ends_with("\r\n\r\nok"));
  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kBufferedBytes) <= kMax; }));
  EXPECT_GE(town_->refused(CloseReason::kMemoryLimit), 60u - kMax / (40 * kKib));
}

TEST_F(WorkerLimitsTest, WhoHoldsMostIsShedWithAnAnswer) {
  Start({.buffered_bytes_max = 80 * kKib});
  Peer large = town_->Connect();
  SendPartOfAHead(large, 60 * kKib);
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kBytesFromClient) >= 60 * kKib; }));
  Peer small = town_->Connect();
  // What is counted is allocated, at most twice what came: less than the other in any case.
  SendPartOfAHead(small, 28 * kKib);

  const std::string answer = large.ReadUntil(")\n");

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
  EXPECT_NE(answer.find("memory_limit"), std::string::npos) << answer;
  EXPECT_EQ(town_->refused(CloseReason::kMemoryLimit), 1u);
}

TEST_F(WorkerLimitsTest, AnIdleClientIsShedByACloseAndNoAnswerThatItWouldTakeForItsNext) {
  Start({.buffered_bytes_max = 40 * kKib});
  Peer idle = town_->Connect();
  idle.Send("GET /a HTTP/1.1\r\nHost: t\r\nX-A: " + std::string(3 * kKib, 'a') + "\r\n\r\n");
  Peer server = town_->Accept();
  server.ReadHead();
  server.Send(kOk);
  ASSERT_TRUE(idle.ReadUntil("ok").ends_with("\r\n\r\nok"));  // It keeps the buffer of its head.

  std::vector<Peer> holders;  // Each of less than that.
  for (int i = 0; i < 60; ++i) {
    holders.push_back(town_->Connect());
    SendPartOfAHead(holders.back(), kKib);
  }

  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_GE(town_->closed(CloseReason::kMemoryLimit), 1u);
}

TEST_F(WorkerLimitsTest, ALargeHeadIsNotHeldByTheIdleConnectionAfterwards) {
  Start({});
  Peer client = town_->Connect();
  client.Send("GET /a HTTP/1.1\r\nHost: t\r\nX-A: " + std::string(50 * kKib, 'a') + "\r\n\r\n");
  Peer server = town_->Accept();
  server.ReadHead();
  EXPECT_GE(town_->count(Counter::kBufferedBytes), 50 * kKib);
  server.Send(kOk);
  client.ReadUntil("ok");

  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kBufferedBytes) < 8 * kKib; }));
}

// Streams of a relay that nobody reads: their queues get shorter as the budget is used up.
TEST_F(WorkerLimitsTest, ManySlowReadersGetShorterQueuesInsteadOfBeingClosed) {
  constexpr size_t kMax = 16384 * kKib;
  Start({.buffered_bytes_max = kMax});
  town_->Dial("10.96.0.1:90");
  std::vector<Peer> clients;
  std::vector<Peer> servers;
  for (int i = 0; i < 32; ++i) {
    clients.push_back(town_->Connect());
    clients.back().Send("hello\n");
    servers.push_back(town_->Accept());
    servers.back().ReadUntil("\n");
    servers.back().SendAsMuchAsIsTaken();
  }

  EXPECT_LE(town_->count(Counter::kBufferedBytes), kMax);
  EXPECT_EQ(town_->closed(CloseReason::kMemoryLimit), 0u);
  for (Peer& client : clients) {
    ASSERT_TRUE(client.ReadSome(64 * kKib));
  }
}

TEST_F(WorkerLimitsTest, AReaderThatWakesGetsEverythingThroughAShortQueue) {
  constexpr size_t kSize = 65536 * kKib;
  Start({.buffered_bytes_max = 2048 * kKib});
  town_->Dial("10.96.0.1:90");
  Peer client = town_->Connect();
  client.Send("hello\n");
  Peer server = town_->Accept();
  server.ReadUntil("\n");
  const std::string all(kSize, 'x');
  std::thread sender([&] {
    server.Send(all);
    server.FinishSending();
  });

  EXPECT_EQ(client.CountToEnd(), kSize);
  sender.join();
  EXPECT_EQ(town_->closed(CloseReason::kMemoryLimit), 0u);
}

TEST_F(WorkerLimitsTest, AWorkerThatDoesNotTakeItsMessagesIsBehind) {
  Start({});
  town_->WhileHeld([&] {
    for (size_t i = 0; i < kMailboxHigh; ++i) town_->worker().Post([] {});

    EXPECT_TRUE(town_->worker().is_behind());
  });

  EXPECT_TRUE(Eventually([&] { return !town_->worker().is_behind(); }));
}

}  // namespace
}  // namespace sluice::proxy
