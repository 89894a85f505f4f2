// A running worker and connections whose protocol nobody declared. The town's port 70.
#include "userspace/proxy/detector.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/unit/proxy/worker_town.h"
#include "userspace/proxy/port_memory.h"
#include "userspace/proxy/stats.h"

namespace sluice::proxy {
namespace {

constexpr std::string_view kUndeclared = "10.96.0.1:70";
constexpr std::string_view kTlsRecord("\x16\x03\x01\x00\x05\x01tail", 10);
// For those who must not wait: a wait that ends makes the test fail.
constexpr uint64_t kLongerThanAnyTest = 60 * kSecond;

class DetectorTest : public testing::Test {
 protected:
  void Start(WorkerLimits limits = {}) {
    town_ = std::make_unique<WorkerTown>(limits);
    SLUICE_REQUIRE_RUNNING(*town_);
    town_->Dial(kUndeclared);
  }
  void StartThatWaits() { Start({.detect_timeout_ns = kLongerThanAnyTest}); }
  // The server speaks and the client has said nothing.
  void GreetsAtOnce() {
    Peer client = town_->Connect();
    Peer server = town_->Accept();
    server.Send("220 ready\r\n");
    EXPECT_EQ(client.ReadUntil("\n"), "220 ready\r\n");
    client.Send("HELO\r\n");
    EXPECT_EQ(server.ReadUntil("\n"), "HELO\r\n");
  }
  void ServesARequest() {
    Peer client = town_->Connect();
    client.Send(kGet);
    Peer server = town_->Accept();
    EXPECT_TRUE(server.ReadHead().starts_with("GET /a HTTP/1.1"));
    server.Send(kOk);
    EXPECT_TRUE(client.ReadUntil("ok").ends_with("\r\n\r\nok"));
  }
  void Relays(std::string_view bytes) {
    Peer client = town_->Connect();
    client.Send(bytes);
    Peer server = town_->Accept();
    EXPECT_EQ(server.ReadUntil(bytes), bytes);
    server.Send("answer\n");
    EXPECT_EQ(client.ReadUntil("\n"), "answer\n");
  }

  std::unique_ptr<WorkerTown> town_;
};

TEST_F(DetectorTest, HttpIsServedPerRequest) {
  StartThatWaits();

  ServesARequest();

  EXPECT_EQ(town_->count(Counter::kRequests), 1u);
  EXPECT_EQ(town_->count(Counter::kDetectedHttp1), 1u);
  EXPECT_EQ(town_->memory()->seen(), PortMemory::kHttp1);
}

TEST_F(DetectorTest, HttpThatComesByteByByteIsServedPerRequest) {
  StartThatWaits();
  Peer client = town_->Connect();

  for (size_t i = 0; i < kGet.size(); ++i) {
    client.Send(kGet.substr(i, 1));
    ASSERT_TRUE(Eventually([&] { return IsTakenOver(client.fd()); }));
  }
  Peer server = town_->Accept();

  EXPECT_TRUE(server.ReadHead().starts_with("GET /a HTTP/1.1"));
  EXPECT_EQ(town_->count(Counter::kDetectedHttp1), 1u);
}

TEST_F(DetectorTest, OtherBytesOfTheClientAreRelayedWithoutWaiting) {
  StartThatWaits();

  Relays("*1\r\n$4\r\nPING\r\n");

  EXPECT_EQ(town_->count(Counter::kDetectedOther), 1u);
  EXPECT_EQ(town_->count(Counter::kOpenedTcp), 1u);
}

TEST_F(DetectorTest, TlsIsRelayed) {
  StartThatWaits();

  Relays(kTlsRecord);

  EXPECT_EQ(town_->count(Counter::kDetectedTls), 1u);
}

TEST_F(DetectorTest, ALongFirstMessageArrivesWhole) {
  StartThatWaits();
  const std::string message = "*" + std::string(300'000, 'x') + "\n";

  Relays(message);
}

TEST_F(DetectorTest, AServerThatSpeaksFirstIsHeardAfterTheTimeLimit) {
  Start({.detect_timeout_ns = kMillisecond});

  GreetsAtOnce();

  EXPECT_EQ(town_->count(Counter::kDetectedServer), 1u);
  EXPECT_EQ(town_->memory()->seen(), PortMemory::kSilence | PortMemory::kServerFirst);
  EXPECT_EQ(town_->memory()->wrong_guesses(), 0u);
}

TEST_F(DetectorTest, OnceAServerSpokeFirstNobodyWaits) {
  StartThatWaits();
  town_->memory()->Note(PortMemory::kServerFirst);

  GreetsAtOnce();
  GreetsAtOnce();
}

TEST_F(DetectorTest, OnceAClientWasSilentNobodyWaits) {
  StartThatWaits();
  town_->memory()->Note(PortMemory::kSilence);

  GreetsAtOnce();
}

TEST_F(DetectorTest, AClientThatWasSilentAndThenSpeaksHttpIsServedPerRequest) {
  Start({.detect_timeout_ns = kMillisecond});
  Peer client = town_->Connect();
  Peer first_server = town_->Accept();  // The time is over: it was dialled.

  client.Send(kGet);
  Peer server = town_->Accept();

  EXPECT_TRUE(server.ReadHead().starts_with("GET /a HTTP/1.1"));
  EXPECT_EQ(first_server.ReadAll(), "");  // Given up without a byte.
  server.Send(kOk);
  EXPECT_TRUE(client.ReadUntil("ok").ends_with("\r\n\r\nok"));
  EXPECT_EQ(town_->memory()->wrong_guesses(), 1u);
  EXPECT_EQ(town_->count(Counter::kWrongServerFirst), 1u);
  EXPECT_FALSE(town_->memory()->DialsAtOnce());
  EXPECT_EQ(town_->count(Counter::kOpenedTcp), 0u);
  EXPECT_EQ(town_->count(Counter::kOpenedHttp), 1u);
}

TEST_F(DetectorTest, RequestsAreServedEachForItselfWhereAServerIsThoughtToSpeakFirst) {
  StartThatWaits();
  town_->memory()->Note(PortMemory::kServerFirst);
  Peer client = town_->Connect();
  Peer first_server = town_->Accept();

  client.Send(kGet);
  Peer server = town_->Accept();

  EXPECT_TRUE(server.ReadHead().starts_with("GET /a HTTP/1.1"));
  EXPECT_EQ(first_server.ReadAll(), "");
  EXPECT_TRUE(town_->memory()->DialsAtOnce());  // What one client sends does not make others wait.
}

TEST_F(DetectorTest, BytesThatAreNotHttpAfterSilenceAreRelayed) {
  StartThatWaits();
  town_->memory()->Note(PortMemory::kSilence);

  Relays("*1\r\n$4\r\nPING\r\n");

  EXPECT_EQ(town_->memory()->wrong_guesses(), 0u);
}

TEST_F(DetectorTest, AServerThatSpeaksFirstWhereClientsDidIsAWrongGuessOnce) {
  Start({.detect_timeout_ns = kMillisecond});
  ServesARequest();

  GreetsAtOnce();
  GreetsAtOnce();

  EXPECT_EQ(town_->memory()->wrong_guesses(), 1u);
  EXPECT_EQ(town_->count(Counter::kWrongClientFirst), 1u);
}

TEST_F(DetectorTest, AHalfClosedSilentClientIsRelayed) {
  StartThatWaits();
  Peer client = town_->Connect();

  client.FinishSending();
  Peer server = town_->Accept();

  EXPECT_EQ(server.ReadAll(), "");
  server.Send("bye\n");
  EXPECT_EQ(client.ReadUntil("\n"), "bye\n");
}

TEST_F(DetectorTest, BeginningsOfARequestAreRelayedAtTheTimeLimit) {
  Start({.detect_timeout_ns = kMillisecond});
  Peer client = town_->Connect();

  client.Send("GE");
  Peer server = town_->Accept();

  EXPECT_EQ(server.ReadUntil("GE"), "GE");
}

TEST_F(DetectorTest, AResetBeforeTheFirstByteIsCounted) {
  StartThatWaits();
  Peer client = town_->Connect();
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kActiveTcp) == 1; }));

  client.Reset();

  // The reason is counted first, and this is another thread.
  EXPECT_TRUE(Eventually([&] { return town_->count(Counter::kActiveTcp) == 0; }));
  EXPECT_EQ(town_->closed(CloseReason::kClientReset), 1u);
}

TEST_F(DetectorTest, AWorkerThatEndsLeavesNoWaitingConnection) {
  StartThatWaits();
  Peer client = town_->Connect();
  ASSERT_TRUE(Eventually([&] { return town_->count(Counter::kActiveTcp) == 1; }));

  town_->worker().StopAndJoin();

  EXPECT_EQ(town_->worker().session_count(), 0u);
  EXPECT_EQ(town_->closed(CloseReason::kDraining), 1u);
}

TEST_F(DetectorTest, ASilentClientOfAnHttpPortIsClosedAtTheHeadsTimeLimit) {
  Start({.request_head_timeout_ns = 10 * kMillisecond});
  town_->Dial("10.96.0.1:80");
  Peer client = town_->Connect();

  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_EQ(town_->closed(CloseReason::kIdleTimeout), 1u);
}

TEST_F(DetectorTest, AnHttpPortDoesNotTakeOtherBytesForOtherThanHttp) {
  Start();
  town_->Dial("10.96.0.1:80");
  Peer client = town_->Connect();

  client.Send("nonsense\r\n\r\n");

  EXPECT_TRUE(client.ReadUntil("\n").starts_with("HTTP/1.1 400"));
}

// No Service is asked for: the first connection is dialled at once, for nothing.
TEST_F(DetectorTest, APodsOwnPortIsDialledForNothingOnlyOnce) {
  StartThatWaits();
  town_->DialPod();
  Peer first_client = town_->Connect();
  Peer unused = town_->AcceptAtPod();
  first_client.Send(kGet);
  EXPECT_EQ(unused.ReadAll(), "");
  Peer first_server = town_->AcceptAtPod();
  EXPECT_TRUE(first_server.ReadHead().starts_with("GET /a"));

  Peer client = town_->Connect();
  client.Send(kGet);
  Peer server = town_->AcceptAtPod();

  EXPECT_TRUE(server.ReadHead().starts_with("GET /a"));
  EXPECT_EQ(town_->count(Counter::kWrongServerFirst), 1u);
}

TEST_F(DetectorTest, APodsOwnPortWhoseServerSpeaksFirstIsNotWaitedFor) {
  StartThatWaits();
  town_->DialPod();
  for (int i = 0; i < 2; ++i) {
    Peer client = town_->Connect();
    Peer server = town_->AcceptAtPod();
    server.Send("220 ready\r\n");
    EXPECT_EQ(client.ReadUntil("\n"), "220 ready\r\n");
  }
}

TEST_F(DetectorTest, ThePortIsToldByNameWithWhatItSpokeAndEachWrongGuess) {
  Start({.detect_timeout_ns = kMillisecond});
  ServesARequest();
  GreetsAtOnce();

  const auto parts = CollectStats({&town_->worker().counters()}, {}, &town_->config(), 1);

  ASSERT_EQ(parts.back().undeclared_ports_size(), 1);
  const node::v1::UndeclaredPort& port = parts.back().undeclared_ports(0);
  EXPECT_EQ(port.service(), "shop/web.shop:70");
  EXPECT_EQ(std::vector<std::string>(port.seen().begin(), port.seen().end()),
            (std::vector<std::string>{"http1", "silence", "server_first"}));
  EXPECT_EQ(port.wrong_guesses(), 1u);
}

TEST(PortMemoryTest, RemembersWhatWasSeen) {
  PortMemory memory;
  EXPECT_FALSE(memory.DialsAtOnce());
  memory.Note(PortMemory::kSilence);
  EXPECT_TRUE(memory.DialsAtOnce());
  memory.Note(PortMemory::kHttp1);
  EXPECT_FALSE(memory.DialsAtOnce());
  memory.Note(PortMemory::kServerFirst);
  EXPECT_TRUE(memory.DialsAtOnce());
}

}  // namespace
}  // namespace sluice::proxy
