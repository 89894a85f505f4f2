#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cmath>
#include <cstring>
#include <memory>

#include "tests/unit/agent/builders.h"
#include "userspace/agent/desired_state.h"
#include "userspace/agent/pod_messages.h"
#include "userspace/agent/proxy_channel.h"
#include "userspace/agent/proxy_stats.h"
#include "userspace/agent/proxy_supervisor.h"
#include "userspace/agent/socket_bank.h"

namespace sluice::agent {
namespace {

using ::testing::SizeIs;

TEST(AddPodMessageTest, NamesListenersInTheOrderOfTheirDescriptors) {
  PreparedNamespace prepared;
  prepared.cookie = 7;
  const auto fd = [] { return std::make_shared<const base::UniqueFd>(); };
  prepared.listeners.outbound_v4 = {fd(), fd()};
  prepared.listeners.inbound_v4 = {fd(), fd()};
  std::vector<SharedFd> fds;

  const auto message = AddPodMessage(3, {.uid = "a", .addresses = {Ip("10.0.0.1")}}, prepared, fds);

  ASSERT_EQ(message.add_pod().listeners_size(), 4);
  EXPECT_EQ(message.add_pod().listeners(1).kind(), node::v1::OUTBOUND);
  EXPECT_EQ(message.add_pod().listeners(1).worker(), 1u);
  EXPECT_EQ(message.add_pod().listeners(2).kind(), node::v1::INBOUND);
  EXPECT_THAT(fds, SizeIs(4));
  EXPECT_EQ(fds[2], prepared.listeners.inbound_v4[0]);
}

class ReadPacketTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends;
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    proxy_.Reset(ends[0]);
    agent_.Reset(ends[1]);
  }
  PacketRead Read() { return ReadPacket(agent_.get(), message_); }
  void Say(const std::string& bytes) {
    ASSERT_EQ(send(proxy_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }

  base::UniqueFd proxy_;
  base::UniqueFd agent_;
  node::v1::ToAgent message_;
};

TEST_F(ReadPacketTest, TakesAMessage) {
  node::v1::ToAgent sent;
  sent.mutable_pod_added()->set_pod_id(4);
  Say(sent.SerializeAsString());

  EXPECT_EQ(Read(), PacketRead::kMessage);
  EXPECT_EQ(message_.pod_added().pod_id(), 4u);
}

TEST_F(ReadPacketTest, SaysThatNothingIsThere) { EXPECT_EQ(Read(), PacketRead::kNothing); }

TEST_F(ReadPacketTest, RefusesBytesThatAreNoMessage) {
  Say("\xff\xff\xff");

  EXPECT_EQ(Read(), PacketRead::kMalformed);
}

TEST_F(ReadPacketTest, RefusesAMessageOfNoKnownKind) {
  Say(std::string("\xfa\x01\x00", 3));  // Field 31, empty.

  EXPECT_EQ(Read(), PacketRead::kMalformed);
}

TEST_F(ReadPacketTest, RefusesAPacketPastTheLimit) {
  Say(std::string(kPacketSizeMax + 1, '\0'));

  EXPECT_EQ(Read(), PacketRead::kMalformed);
}

TEST_F(ReadPacketTest, ClosesDescriptorsThatCameUnasked) {
  std::array<int, 2> ends;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  node::v1::ToAgent sent;
  sent.mutable_ready();
  std::string bytes = sent.SerializeAsString();
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  head.msg_control = control.data();
  head.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&head);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(rights), &ends[1], sizeof(int));
  ASSERT_GT(sendmsg(proxy_.get(), &head, 0), 0);
  close(ends[1]);

  EXPECT_EQ(Read(), PacketRead::kMalformed);
  char byte;
  EXPECT_EQ(recv(ends[0], &byte, 1, MSG_DONTWAIT), 0);  // Every copy of the other end is closed.
  close(ends[0]);
}

TEST_F(ReadPacketTest, SaysThatTheProxyIsGone) {
  proxy_.Reset();

  EXPECT_EQ(Read(), PacketRead::kClosed);
}

class ProxyStatsTest : public testing::Test {
 protected:
  node::v1::Stats Part(uint64_t id, const std::string& name, const std::string& label, double value,
                       bool is_last) {
    node::v1::Stats part;
    part.set_id(id);
    part.set_is_last(is_last);
    auto* counter = part.add_counters();
    counter->set_name(name);
    counter->set_label(label);
    counter->set_value(value);
    return part;
  }

  absl::Time now_ = absl::FromUnixSeconds(10);
  ProxyStats stats_;
};

TEST_F(ProxyStatsTest, GathersThePartsOfOneAnswer) {
  const uint64_t id = stats_.NewRequest();

  EXPECT_FALSE(stats_.Part(Part(id, "sluice_a_total", "path=http", 1, false), now_));
  EXPECT_TRUE(stats_.Part(Part(id, "sluice_a_total", "path=tcp", 2, true), now_));
  EXPECT_EQ(stats_.latest().Value("sluice_a_total", "tcp"), 2);
  EXPECT_THAT(stats_.latest().counters, SizeIs(2));
}

TEST_F(ProxyStatsTest, KeepsTheLastNumbersUntilTheNewOnesAreWhole) {
  stats_.Part(Part(stats_.NewRequest(), "sluice_a_total", "", 1, true), now_);
  stats_.Part(Part(stats_.NewRequest(), "sluice_a_total", "", 2, false), now_);

  EXPECT_EQ(stats_.latest().Value("sluice_a_total", ""), 1);
}

TEST_F(ProxyStatsTest, DropsPartsNobodyAskedFor) {
  EXPECT_FALSE(stats_.Part(Part(0, "sluice_a_total", "", 1, true), now_));
  const uint64_t id = stats_.NewRequest();
  EXPECT_FALSE(stats_.Part(Part(id + 1, "sluice_a_total", "", 1, true), now_));
}

TEST_F(ProxyStatsTest, RefusesForeignNamesLabelsAndValues) {
  const uint64_t id = stats_.NewRequest();
  stats_.Part(Part(id, "up", "", 1, false), now_);
  stats_.Part(Part(id, "sluice_a b", "", 1, false), now_);
  stats_.Part(Part(id, "sluice_a", "no value", 1, false), now_);
  stats_.Part(Part(id, "sluice_a", "a=\n", 1, false), now_);
  stats_.Part(Part(id, "sluice_a", "a=" + std::string(kStatsLabelSizeMax, 'x'), 1, false), now_);
  stats_.Part(Part(id, "sluice_a", "", NAN, true), now_);

  EXPECT_EQ(stats_.refused_rows(), 6u);
  EXPECT_THAT(stats_.latest().counters, SizeIs(0));
}

TEST_F(ProxyStatsTest, RefusesLabelsThatAScraperDoesNotTake) {
  const uint64_t id = stats_.NewRequest();
  stats_.Part(Part(id, "sluice_a", "a:b=1", 1, false), now_);
  stats_.Part(Part(id, "sluice_a", "__name__=b", 1, true), now_);

  EXPECT_EQ(stats_.refused_rows(), 2u);
}

TEST_F(ProxyStatsTest, BoundsTheSeries) {
  const uint64_t id = stats_.NewRequest();
  for (size_t i = 0; i <= kStatsCountersMax; ++i) {
    stats_.Part(Part(id, "sluice_a", "n=" + std::to_string(i), 1, i == kStatsCountersMax), now_);
  }

  EXPECT_THAT(stats_.latest().counters, SizeIs(kStatsCountersMax));
}

TEST(RateCapTest, GivesWhatTheSecondAllowsAndRefills) {
  RateCap cap(100);
  const absl::Time start = absl::FromUnixSeconds(5);

  EXPECT_EQ(cap.Take(80, start), 80u);
  EXPECT_EQ(cap.Take(80, start), 20u);
  EXPECT_EQ(cap.Take(80, start), 0u);
  EXPECT_EQ(cap.Take(80, start + absl::Milliseconds(500)), 50u);
  EXPECT_EQ(cap.Take(500, start + absl::Hours(1)), 100u);
}

TEST(RestartDelayTest, DoublesToItsLimit) {
  EXPECT_EQ(RestartDelay(1), absl::Milliseconds(100));
  EXPECT_EQ(RestartDelay(2), absl::Milliseconds(200));
  EXPECT_EQ(RestartDelay(6), absl::Milliseconds(3200));
  EXPECT_EQ(RestartDelay(7), absl::Seconds(5));
  EXPECT_EQ(RestartDelay(1000), absl::Seconds(5));
}

}  // namespace
}  // namespace sluice::agent
