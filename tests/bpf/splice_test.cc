// The joined pairs of a same-node hop at level `full`. Towards the proxy: c -> p1, s -> p2; towards
// an application: p1 -> c, p2 -> s.
#include <fcntl.h>
#include <liburing.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bpf/mesh.h"
#include "userspace/base/check.h"
#include "userspace/datapath/constants.h"

namespace sluice::bpf_test {
namespace {

using datapath::kSendBusy;

constexpr size_t kMiB = 1024 * 1024;
constexpr size_t kUnreadMax = 5 * kMiB;

base::SocketAddress Vip4() { return {*base::IpAddress::Parse(kVip4), 80}; }
base::SocketAddress Vip6() { return {*base::IpAddress::Parse(kVip6), 80}; }

// Bytes that tell their place in the stream; the period is no divisor of any buffer size.
uint8_t ByteAt(size_t offset) { return static_cast<uint8_t>((offset % 251) ^ (offset / 65521)); }

void Fill(std::vector<uint8_t>& buffer, size_t offset, size_t size) {
  for (size_t i = 0; i < size; ++i) buffer[i] = ByteAt(offset + i);
}

// A proxy retries when it is told that the application is busy when the application has read. Gives
// up when nothing moves for Patience().
bool SendAll(int fd, size_t total) {
  std::vector<uint8_t> buffer(128 * 1024);
  auto moved = std::chrono::steady_clock::now();
  for (size_t sent = 0; sent < total;) {
    const size_t size = std::min(buffer.size(), total - sent);
    Fill(buffer, sent, size);
    const ssize_t taken = send(fd, buffer.data(), size, MSG_NOSIGNAL);
    if (taken > 0) {
      sent += static_cast<size_t>(taken);
      moved = std::chrono::steady_clock::now();
    } else if (errno == kSendBusy && std::chrono::steady_clock::now() - moved < Patience()) {
      // The proxy's retry timer. Yielding in a loop would not do: Linux 6.18 takes it as having run
      // for long and lets the thread starve for seconds.
      poll(nullptr, 0, 1);
    } else {
      return false;
    }
  }
  return true;
}

// A blocking recv() of an enrolled socket may say EAGAIN early: the kernel waits only once, and a
// writer of the same socket that had to wait wakes the reader too (Linux 6.18). So it asks again
// until nothing moves for Patience().
bool ReceiveAll(int fd, size_t total) {
  std::vector<uint8_t> buffer(256 * 1024);
  auto moved = std::chrono::steady_clock::now();
  for (size_t received = 0; received < total;) {
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EAGAIN && std::chrono::steady_clock::now() - moved < Patience())
      continue;
    if (size <= 0) {
      ADD_FAILURE() << "recv gave " << size << ", errno " << errno << " after " << received
                    << " bytes";
      return false;
    }
    for (ssize_t i = 0; i < size; ++i) {
      if (buffer[static_cast<size_t>(i)] == ByteAt(received + static_cast<size_t>(i))) continue;
      ADD_FAILURE() << "wrong byte at " << received + static_cast<size_t>(i);
      return false;
    }
    received += static_cast<size_t>(size);
    moved = std::chrono::steady_clock::now();
  }
  return true;
}

// Sends without waiting until the kernel takes no more; `error` is the last errno.
size_t SendUntilRefused(int fd, int& error) {
  const std::vector<uint8_t> buffer(128 * 1024, 'x');
  size_t sent = 0;
  while (sent < 64 * kMiB) {
    const ssize_t taken = send(fd, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken <= 0) break;
    sent += static_cast<size_t>(taken);
  }
  error = errno;
  return sent;
}

bool ReadAway(int fd, size_t size) {
  std::vector<uint8_t> buffer(size);
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  while (size > 0 &&
         poll(&readable, 1, static_cast<int>(Patience() / std::chrono::milliseconds(1))) == 1) {
    const ssize_t got = recv(fd, buffer.data(), size, MSG_DONTWAIT);
    if (got <= 0) return false;
    size -= static_cast<size_t>(got);
  }
  return size == 0;
}

size_t Drain(int fd) {
  std::vector<uint8_t> buffer(256 * 1024);
  size_t total = 0;
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, 200) == 1) {
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) break;
    total += static_cast<size_t>(size);
  }
  return total;
}

// TCP sends on for a while what it has taken. Ends once that has stood still for longer than any of
// its timers that probe a receiver.
void WaitUntilSettled(int fd) {
  constexpr int kStillMs = 300;
  int last = -1;
  for (int still_ms = 0; still_ms < kStillMs; ++still_ms) {
    int unsent = 0;
    EXPECT_EQ(ioctl(fd, SIOCOUTQNSD, &unsent), 0);
    if (unsent != last) still_ms = 0;
    last = unsent;
    poll(nullptr, 0, 1);
  }
}

// Segments that TCP has thrown away in a namespace because a receive buffer was full.
uint64_t DroppedIn(const Namespace& pod) {
  uint64_t dropped = 0;
  In(pod, [&] {
    std::ifstream file("/proc/thread-self/net/netstat");
    std::string names, values;
    while (std::getline(file, names) && std::getline(file, values)) {
      std::istringstream name_words(names), value_words(values);
      std::string name, value;
      while (name_words >> name && value_words >> value) {
        if (name == "RcvPruned" || name == "TCPRcvQDrop") dropped += std::stoull(value);
      }
    }
  });
  return dropped;
}

class SpliceTest : public MeshTest {
 protected:
  void SetUp() override {
    MeshTest::SetUp();
    if (mesh_ == nullptr) return;
    const auto choice = mesh_->datapath->ChooseLevel(datapath::Acceleration::kFull);
    if (choice.level != datapath::Acceleration::kFull) {
      GTEST_SKIP() << "this kernel does not reach full: " << choice.reason;
    }
    app_ = Listen(mesh_->server, {mesh_->server.v4, kAppPort});
    hop_ = mesh_->MakeHop(app_.get(), Vip4(), {mesh_->server.v4, kAppPort});
  }
  uint64_t Count(const char* name) const { return mesh_->Counter(name); }

  base::UniqueFd app_;
  Hop hop_;
};

TEST_F(SpliceTest, JoinsBothPairsOfAHop) {
  const uint64_t before = Count("pair_joined");

  const Hop hop = mesh_->MakeHop(app_.get(), Vip4(), {mesh_->server.v4, kAppPort});

  EXPECT_EQ(Count("pair_joined"), before + 2);
}

TEST_F(SpliceTest, JoinsBothPairsOfAnIpv6Hop) {
  const base::UniqueFd app6 = Listen(mesh_->server, At("[::]:8090"), true);
  const uint64_t before = Count("pair_joined");

  const Hop hop = mesh_->MakeHop(app6.get(), Vip6(), {mesh_->server.v6, 8090});

  EXPECT_EQ(Count("pair_joined"), before + 2);
}

TEST_F(SpliceTest, JoinsAnIpv4DialToADualStackApplication) {
  const base::UniqueFd app6 = Listen(mesh_->server, At("[::]:8091"), true);
  const uint64_t before = Count("pair_joined");

  const Hop hop = mesh_->MakeHop(app6.get(), Vip4(), {mesh_->server.v4, 8091});

  EXPECT_EQ(Count("pair_joined"), before + 2);
}

TEST_F(SpliceTest, RedirectsTheFirstMessageInEveryDirection) {
  const uint64_t before = Count("splice_redirected");
  char byte;

  for (const auto& [from, to] :
       {std::pair(hop_.c.get(), hop_.p1.get()), std::pair(hop_.p1.get(), hop_.c.get()),
        std::pair(hop_.p2.get(), hop_.s.get()), std::pair(hop_.s.get(), hop_.p2.get())}) {
    ASSERT_EQ(send(from, "a", 1, 0), 1);
    ASSERT_EQ(recv(to, &byte, 1, 0), 1);
  }

  EXPECT_EQ(Count("splice_redirected"), before + 4);
}

TEST_F(SpliceTest, Carries100MiBIntactInEveryDirectionAtOnce) {
  constexpr size_t kTotal = 100 * kMiB;
  const int legs[][2] = {{hop_.c.get(), hop_.p1.get()},
                         {hop_.p1.get(), hop_.c.get()},
                         {hop_.p2.get(), hop_.s.get()},
                         {hop_.s.get(), hop_.p2.get()}};
  bool is_sent[4] = {};
  bool is_intact[4] = {};

  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { is_sent[i] = SendAll(legs[i][0], kTotal); });
    threads.emplace_back([&, i] { is_intact[i] = ReceiveAll(legs[i][1], kTotal); });
  }
  for (std::thread& thread : threads) thread.join();

  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(is_sent[i] && is_intact[i]) << "leg " << i;
}

TEST_F(SpliceTest, HoldsBackAnApplicationWhileTheProxySleeps) {
  for (const auto& [from, to] :
       {std::pair(hop_.c.get(), hop_.p1.get()), std::pair(hop_.s.get(), hop_.p2.get())}) {
    int error = 0;

    const size_t accepted = SendUntilRefused(from, error);

    EXPECT_EQ(error, EAGAIN);
    EXPECT_LE(accepted, kUnreadMax);
    EXPECT_EQ(Drain(to), accepted);
  }
}

// While the proxy is a little behind, the sender stays on TCP, whose window grows. Once the proxy
// has read all, bytes are redirected again, beside what TCP has promised to take.
TEST_F(SpliceTest, TakesAllThatTcpHasPromisedToTake) {
  constexpr size_t kBehind = kMiB / 4, kPiece = kMiB / 16, kPieces = 256;
  const std::vector<uint8_t> piece(kPiece, 'x');
  ASSERT_EQ(setsockopt(hop_.p2.get(), SOL_SOCKET, SO_RCVBUFFORCE, &datapath::kProxyReceiveBuffer,
                       sizeof datapath::kProxyReceiveBuffer),
            0);
  const uint64_t before = DroppedIn(mesh_->server);
  int error = 0;

  const size_t sent = SendUntilRefused(hop_.s.get(), error);
  ASSERT_TRUE(ReadAway(hop_.p2.get(), sent - kBehind));
  for (size_t pieces = 0; pieces < kPieces; ++pieces) {
    ASSERT_EQ(send(hop_.s.get(), piece.data(), kPiece, MSG_NOSIGNAL), ssize_t{kPiece});
    ASSERT_TRUE(ReadAway(hop_.p2.get(), kPiece));
  }
  ASSERT_TRUE(ReadAway(hop_.p2.get(), kBehind));
  SendUntilRefused(hop_.s.get(), error);
  WaitUntilSettled(hop_.s.get());

  EXPECT_EQ(DroppedIn(mesh_->server), before);
}

TEST_F(SpliceTest, RefusesTheProxyWhileAnApplicationSleeps) {
  for (const auto& [from, to] :
       {std::pair(hop_.p1.get(), hop_.c.get()), std::pair(hop_.p2.get(), hop_.s.get())}) {
    int error = 0;

    const size_t accepted = SendUntilRefused(from, error);

    EXPECT_EQ(error, kSendBusy);
    EXPECT_LE(accepted, kUnreadMax);
    EXPECT_EQ(Drain(to), accepted) << "a refused send must take no byte";
    EXPECT_EQ(send(from, "a", 1, 0), 1) << "and go through once the application has read";
    EXPECT_EQ(Drain(to), 1u);
  }
}

TEST_F(SpliceTest, TellsHowMuchOfALargeSendWasTakenBeforeItIsRefused) {
  const std::vector<uint8_t> large(16 * kMiB, 'x');

  const ssize_t taken = send(hop_.p1.get(), large.data(), large.size(), 0);

  ASSERT_GT(taken, 0);
  EXPECT_LE(static_cast<size_t>(taken), kUnreadMax);
  EXPECT_EQ(Drain(hop_.c.get()), static_cast<size_t>(taken));
}

TEST_F(SpliceTest, TellsAnIoUringSendThatTheApplicationSleeps) {
  io_uring ring;
  ASSERT_EQ(io_uring_queue_init(8, &ring, 0), 0);
  const std::vector<uint8_t> buffer(128 * 1024, 'x');
  size_t accepted = 0;
  int last = 1;

  while (last > 0 && accepted < 64 * kMiB) {
    io_uring_prep_send(io_uring_get_sqe(&ring), hop_.p1.get(), buffer.data(), buffer.size(),
                       MSG_NOSIGNAL);
    io_uring_submit_and_wait(&ring, 1);
    io_uring_cqe* cqe = nullptr;
    ASSERT_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
    last = cqe->res;
    io_uring_cqe_seen(&ring, cqe);
    if (last > 0) accepted += static_cast<size_t>(last);
  }
  io_uring_queue_exit(&ring);

  EXPECT_EQ(last, -kSendBusy);
  EXPECT_LE(accepted, kUnreadMax);
  EXPECT_EQ(Drain(hop_.c.get()), accepted);
}

TEST_F(SpliceTest, TellsTheApplicationHowManyBytesWait) {
  for (const auto& [from, to] :
       {std::pair(hop_.p1.get(), hop_.c.get()), std::pair(hop_.p2.get(), hop_.s.get())}) {
    const char text[100] = {};
    int waiting = 0;

    ASSERT_EQ(send(from, text, sizeof text, 0), 100);

    ASSERT_EQ(ioctl(to, FIONREAD, &waiting), 0);
    EXPECT_EQ(waiting, 100);
    Drain(to);
  }
}

TEST_F(SpliceTest, DeliversAllBytesBeforeAHalfClose) {
  for (const auto& [from, to] :
       {std::pair(hop_.c.get(), hop_.p1.get()), std::pair(hop_.p2.get(), hop_.s.get())}) {
    char text[8];
    ASSERT_EQ(send(from, "last", 4, 0), 4);

    ASSERT_EQ(shutdown(from, SHUT_WR), 0);

    EXPECT_EQ(recv(to, text, sizeof text, 0), 4);
    EXPECT_EQ(recv(to, text, sizeof text, 0), 0);
    EXPECT_EQ(send(to, "back", 4, 0), 4);
    EXPECT_EQ(recv(from, text, sizeof text, 0), 4);
  }
}

TEST_F(SpliceTest, CarriesAReset) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  char byte;
  setsockopt(hop_.c.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(hop_.p2.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);

  hop_.c.Reset();
  hop_.p2.Reset();

  EXPECT_EQ(recv(hop_.p1.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_EQ(recv(hop_.s.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(SpliceTest, FailsASendToAClosedEnd) {
  hop_.c.Reset();
  const std::vector<uint8_t> buffer(1024, 'x');

  int error = 0;
  for (int i = 0; i < 1000 && error == 0; ++i) {
    if (send(hop_.p1.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL) < 0) error = errno;
  }

  EXPECT_TRUE(error == EPIPE || error == ECONNRESET) << error;
}

TEST_F(SpliceTest, LeavesTheConnectionOfAnOutsideClientOnTcp) {
  const base::UniqueFd c = SocketIn(mesh_->outside, AF_INET);
  ASSERT_EQ(Connect(c.get(), {mesh_->server.v4, kAppPort}), 0);
  const base::UniqueFd p1 = Accept(mesh_->inbound4.get());
  const uint64_t before = Count("splice_redirected");
  char byte;

  ASSERT_EQ(send(c.get(), "a", 1, 0), 1);
  ASSERT_EQ(recv(p1.get(), &byte, 1, 0), 1);

  EXPECT_EQ(Count("splice_redirected"), before);
}

}  // namespace
}  // namespace sluice::bpf_test
