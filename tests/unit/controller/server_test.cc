#include "controller/publish/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "controller/publish/frame.h"
#include "tests/unit/controller/temp_folder.h"
#include "userspace/base/unique_fd.h"

namespace sluice::controller {
namespace {

using sluice::discovery::v1::DeltaDiscoveryRequest;
using sluice::discovery::v1::DeltaDiscoveryResponse;
using Clock = std::chrono::steady_clock;

constexpr auto kDeadline = std::chrono::seconds(10);

std::unique_ptr<DiscoveryServer> ListenOrDie(const std::string& path) {
  auto server = DiscoveryServer::Listen(path);
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

ResourceSet MakeSet(const std::string& bytes) {
  ResourceSet out;
  out.by_type[0].emplace("a", Resource{.version = ContentVersion(bytes), .bytes = bytes});
  return out;
}

// A node's end of the stream, turned by the same thread as the server.
class Client {
 public:
  Client(const std::string& path, DiscoveryServer& server)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), server_(server) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  void SendBytes(const std::string& bytes) {
    ASSERT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void Send(const DeltaDiscoveryRequest& request) {
    std::string bytes;
    AppendFrame(request.SerializeAsString(), bytes);
    SendBytes(bytes);
  }
  void Subscribe() {
    DeltaDiscoveryRequest request;
    request.mutable_node()->set_id("node-1");
    request.set_type_url(std::string(base::kAddressType));
    Send(request);
  }

  // Runs the server until a response has come, the stream has ended (empty) or the deadline has
  // passed (empty).
  std::optional<DeltaDiscoveryResponse> Receive() {
    const auto end = Clock::now() + kDeadline;
    while (Clock::now() < end) {
      size_t consumed = 0;
      const auto frame = NextFrame(bytes_, size_t{64} << 20, consumed);
      if (frame.ok() && frame->has_value()) {
        DeltaDiscoveryResponse response;
        EXPECT_TRUE(response.ParseFromString(std::string(**frame)));
        bytes_.erase(0, consumed);
        return response;
      }
      if (!Turn()) return std::nullopt;
    }
    ADD_FAILURE() << "no response and no end of the stream";
    return std::nullopt;
  }

 private:
  // False at the end of the stream.
  bool Turn() {
    pollfd ready[2] = {{.fd = server_.fd(), .events = POLLIN}, {.fd = fd_.get(), .events = POLLIN}};
    ::poll(ready, 2, 100);
    if (ready[0].revents != 0) server_.Step();
    char buffer[65536];
    const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size > 0) bytes_.append(buffer, static_cast<size_t>(size));
    return size > 0 || (size < 0 && errno == EAGAIN);
  }

  base::UniqueFd fd_;
  DiscoveryServer& server_;
  std::string bytes_;
};

class DiscoveryServerTest : public testing::Test {
 protected:
  const TempFolder temp_;
  const std::string path_ = temp_.Path("c.sock");
};

TEST_F(DiscoveryServerTest, MakesASocketThatOnlyItsOwnerMayOpen) {
  const auto server = ListenOrDie(path_);

  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);

  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(DiscoveryServerTest, RemovesItsSocketAtTheEnd) {
  ListenOrDie(path_).reset();

  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(DiscoveryServerTest, ReplacesASocketThatWasLeftBehind) {
  const base::UniqueFd left(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(address.sun_path, path_.data(), path_.size());
  ASSERT_EQ(::bind(left.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  EXPECT_TRUE(DiscoveryServer::Listen(path_).ok());
}

TEST_F(DiscoveryServerTest, RefusesASocketThatIsInUse) {
  const auto server = ListenOrDie(path_);

  const auto second = DiscoveryServer::Listen(path_);

  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().ToString().find("another controller"), std::string::npos);
}

TEST_F(DiscoveryServerTest, LeavesAFileThatIsNoSocket) {
  temp_.Write("c.sock", "precious");

  EXPECT_FALSE(DiscoveryServer::Listen(path_).ok());
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(DiscoveryServerTest, SendsWhatWasPublishedBefore) {
  const auto server = ListenOrDie(path_);
  server->Publish(MakeSet("1"));
  Client client(path_, *server);

  client.Subscribe();
  const auto response = client.Receive();

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->resources(0).resource().value(), "1");
}

TEST_F(DiscoveryServerTest, AnswersNobodyBeforeTheFirstSet) {
  const auto server = ListenOrDie(path_);
  Client client(path_, *server);
  client.Subscribe();
  while (server->client_count() == 0) server->Step();
  server->Step();

  server->Publish(MakeSet("1"));
  const auto response = client.Receive();

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->resources_size(), 1);
}

TEST_F(DiscoveryServerTest, SendsAChangeAtOnce) {
  const auto server = ListenOrDie(path_);
  server->Publish(MakeSet("1"));
  Client client(path_, *server);
  client.Subscribe();
  auto response = client.Receive();
  ASSERT_TRUE(response.has_value());
  DeltaDiscoveryRequest ack;
  ack.set_type_url(response->type_url());
  ack.set_response_nonce(response->nonce());
  client.Send(ack);
  while (server->counters().acks == 0) server->Step();

  EXPECT_TRUE(server->Publish(MakeSet("2")));
  response = client.Receive();

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->resources(0).resource().value(), "2");
}

TEST_F(DiscoveryServerTest, HasNothingToDoForEqualContent) {
  const auto server = ListenOrDie(path_);

  EXPECT_TRUE(server->Publish(MakeSet("1")));
  EXPECT_FALSE(server->Publish(MakeSet("1")));
  EXPECT_EQ(server->version(), 1U);
}

TEST_F(DiscoveryServerTest, SendsLargeResponsesToAReaderThatComesLater) {
  const auto server = ListenOrDie(path_);
  server->Publish(MakeSet(std::string(8 << 20, 'x')));
  Client client(path_, *server);

  client.Subscribe();
  const auto response = client.Receive();

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->resources(0).resource().value().size(), size_t{8} << 20);
}

TEST_F(DiscoveryServerTest, DropsAClientThatBreaksTheFraming) {
  const auto server = ListenOrDie(path_);
  Client client(path_, *server);

  client.SendBytes(std::string("\x01garbage", 8));

  EXPECT_FALSE(client.Receive().has_value());
  EXPECT_EQ(server->client_count(), 0U);
  EXPECT_EQ(server->counters().dropped_connections, 1U);
}

TEST_F(DiscoveryServerTest, DropsAClientThatAnnouncesTooMuch) {
  const auto server = ListenOrDie(path_);
  Client client(path_, *server);

  client.SendBytes(std::string("\x00\x7f\xff\xff\xff", 5));

  EXPECT_FALSE(client.Receive().has_value());
}

TEST_F(DiscoveryServerTest, DropsAClientWhoseFirstRequestNamesNoNode) {
  const auto server = ListenOrDie(path_);
  Client client(path_, *server);
  DeltaDiscoveryRequest request;
  request.set_type_url(std::string(base::kAddressType));

  client.Send(request);

  EXPECT_FALSE(client.Receive().has_value());
}

TEST_F(DiscoveryServerTest, RefusesMoreThanItsShareOfClients) {
  const auto server = ListenOrDie(path_);
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < kClientsMax; ++i) {
    clients.push_back(std::make_unique<Client>(path_, *server));
    server->Step();
  }
  Client extra(path_, *server);

  EXPECT_FALSE(extra.Receive().has_value());
  EXPECT_EQ(server->client_count(), kClientsMax);
}

TEST(FrameTest, ReadsByteByByteWhatItWrote) {
  std::string bytes;
  AppendFrame("hello", bytes);
  AppendFrame("", bytes);

  for (size_t size = 0; size < 10; ++size) {
    size_t consumed = 0;
    const auto frame = NextFrame(std::string_view(bytes).substr(0, size), 100, consumed);
    ASSERT_TRUE(frame.ok());
    EXPECT_FALSE(frame->has_value()) << size;
  }
  size_t consumed = 0;
  EXPECT_EQ(**NextFrame(bytes, 100, consumed), "hello");
  EXPECT_EQ(**NextFrame(std::string_view(bytes).substr(consumed), 100, consumed), "");
}

}  // namespace
}  // namespace sluice::controller
