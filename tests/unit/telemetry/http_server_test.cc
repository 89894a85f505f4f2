#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "userspace/base/unique_fd.h"
#include "userspace/telemetry/http_server.h"

namespace sluice::telemetry {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;
using State = ParsedRequest::State;

struct RequestCase {
  const char* name;
  std::string received;
  State state;
  int refusal;
  const char* path;
};

class ParseGetRequestTest : public testing::TestWithParam<RequestCase> {};

TEST_P(ParseGetRequestTest, SaysWhatIsAsked) {
  const ParsedRequest parsed = ParseGetRequest(GetParam().received);

  EXPECT_EQ(parsed.state, GetParam().state);
  if (parsed.state == State::kRefused) {
    EXPECT_EQ(parsed.refusal.status_code, GetParam().refusal);
  }
  EXPECT_EQ(parsed.path, GetParam().path);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParseGetRequestTest,
    testing::Values(
        RequestCase{"whole", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", State::kReady, 0,
                    "/metrics"},
        RequestCase{"query", "GET /status?a=b HTTP/1.0\r\n\r\n", State::kReady, 0, "/status"},
        RequestCase{"head", "HEAD / HTTP/1.1\r\n\r\n", State::kReady, 0, "/"},
        RequestCase{"part", "GET /metrics HTTP/1.1\r\nHos", State::kNeedMore, 0, ""},
        RequestCase{"post", "POST / HTTP/1.1\r\n\r\n", State::kRefused, 405, ""},
        RequestCase{"absolute", "GET http://x/ HTTP/1.1\r\n\r\n", State::kRefused, 400, ""},
        RequestCase{"control", "GET /\x01 HTTP/1.1\r\n\r\n", State::kRefused, 400, ""},
        RequestCase{"version", "GET / HTTP/2.0\r\n\r\n", State::kRefused, 400, ""},
        RequestCase{"no_target", "GET\r\n\r\n", State::kRefused, 400, ""},
        RequestCase{"no_version", "GET /\r\n\r\n", State::kRefused, 400, ""},
        RequestCase{"too_large", "GET /" + std::string(HttpServer::kRequestSizeMax, 'a'),
                    State::kRefused, 431, ""}),
    [](const auto& entry) { return std::string(entry.param.name); });

// A server on a free port, turned by hand.
class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = HttpServer::Create(0, [this](HttpServer::ExchangeId id, const std::string& path) {
      asked_.push_back(path);
      ids_.push_back(id);
      if (path != "/later") server_->Respond(id, {200, "text/plain", "hello\n"});
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  base::UniqueFd Connect() {
    base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  // Waits until something is ready, then turns.
  void Turn() {
    pollfd ready{server_->poll_fd(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 5000), 1);
    server_->Turn(now_);
  }

  static void Say(const base::UniqueFd& fd, const std::string& text) {
    ASSERT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

  static std::string ReadToEnd(const base::UniqueFd& fd) {
    std::string all;
    std::array<char, 4096> buffer;
    while (true) {
      const ssize_t size = recv(fd.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) return all;
      all.append(buffer.data(), static_cast<size_t>(size));
    }
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::unique_ptr<HttpServer> server_;
  std::vector<std::string> asked_;
  std::vector<HttpServer::ExchangeId> ids_;
};

TEST_F(HttpServerTest, AnswersAndCloses) {
  const base::UniqueFd client = Connect();
  Turn();
  Say(client, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
  Turn();

  const std::string answer = ReadToEnd(client);

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nhello\n"));
}

TEST_F(HttpServerTest, TakesARequestByteByByte) {
  const base::UniqueFd client = Connect();
  Turn();
  for (const char c : std::string("GET /now HTTP/1.1\r\n\r\n")) {
    Say(client, std::string(1, c));
    Turn();
  }

  EXPECT_THAT(ReadToEnd(client), EndsWith("hello\n"));
}

TEST_F(HttpServerTest, AnswersLaterWhenTheHandlerDoes) {
  const base::UniqueFd client = Connect();
  Turn();
  Say(client, "GET /later HTTP/1.1\r\n\r\n");
  Turn();
  ASSERT_EQ(ids_.size(), 1u);
  server_->Respond(ids_[0], {503, "text/plain", "not yet\n"});

  EXPECT_THAT(ReadToEnd(client), StartsWith("HTTP/1.1 503 "));
}

TEST_F(HttpServerTest, AnswersAClientThatClosedItsSide) {
  const base::UniqueFd client = Connect();
  Turn();
  Say(client, "GET /later HTTP/1.1\r\n\r\n");
  Turn();
  shutdown(client.get(), SHUT_WR);
  Turn();
  server_->Respond(ids_.at(0), {200, "text/plain", "hello\n"});

  EXPECT_THAT(ReadToEnd(client), EndsWith("hello\n"));
}

TEST_F(HttpServerTest, SendsNoBodyToHead) {
  const base::UniqueFd client = Connect();
  Turn();
  Say(client, "HEAD /now HTTP/1.1\r\n\r\n");
  Turn();

  EXPECT_THAT(ReadToEnd(client), EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, DropsAClientThatAsksNothingInTime) {
  const base::UniqueFd client = Connect();
  Turn();
  now_ += HttpServer::kExchangeTimeout;
  server_->Turn(now_);

  EXPECT_EQ(ReadToEnd(client), "");
}

TEST_F(HttpServerTest, LetsTheOldestGoWhenFull) {
  std::vector<base::UniqueFd> clients;
  for (size_t i = 0; i < HttpServer::kConnectionsMax + 1; ++i) {
    clients.push_back(Connect());
    Turn();
  }

  EXPECT_EQ(ReadToEnd(clients[0]), "");
  Say(clients.back(), "GET /now HTTP/1.1\r\n\r\n");
  Turn();
  EXPECT_THAT(ReadToEnd(clients.back()), EndsWith("hello\n"));
}

TEST_F(HttpServerTest, DropsAnAnswerToAnExchangeThatIsGone) {
  server_->Respond(12345, {200, "text/plain", "nobody\n"});

  EXPECT_TRUE(asked_.empty());
}

TEST(HttpServerPortTest, SaysThatThePortIsTaken) {
  auto first = HttpServer::Create(0, [](HttpServer::ExchangeId, const std::string&) {});
  ASSERT_TRUE(first.ok());

  const auto second =
      HttpServer::Create((*first)->port(), [](HttpServer::ExchangeId, const std::string&) {});

  EXPECT_THAT(std::string(second.status().message()),
              testing::HasSubstr("another program has the port"));
}

}  // namespace
}  // namespace sluice::telemetry
