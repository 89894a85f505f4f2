#include "userspace/cli/http_get.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;

// Accepts one connection on a port of the kernel's choice, reads a request, writes `answer`,
// closes.
class OneShotServer {
 public:
  explicit OneShotServer(std::string answer) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage;
    const base::SocketAddress any = {*base::IpAddress::Parse("127.0.0.1"), 0};
    const socklen_t size = any.ToSockaddr(storage);
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
    EXPECT_EQ(listen(fd_.get(), 1), 0);
    socklen_t bound = sizeof(storage);
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &bound), 0);
    address_ = *base::SocketAddress::FromSockaddr(storage);
    thread_ = std::thread([this, answer = std::move(answer)] {
      base::UniqueFd peer(accept(fd_.get(), nullptr, nullptr));
      char request[1024];
      request_.assign(request, static_cast<size_t>(std::max<ssize_t>(
                                   0, recv(peer.get(), request, sizeof(request), 0))));
      EXPECT_EQ(send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
    });
  }
  ~OneShotServer() { Join(); }

  const base::SocketAddress& address() const { return address_; }
  const std::string& request() {
    Join();
    return request_;
  }

 private:
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  base::UniqueFd fd_;
  base::SocketAddress address_;
  std::string request_;
  std::thread thread_;
};

TEST(HttpGetTest, FetchesABody) {
  OneShotServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");

  const absl::StatusOr<HttpAnswer> answer = Fetch(server.address(), "/status", absl::Seconds(10));

  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->code, 200);
  EXPECT_EQ(answer->body, "hi");
  EXPECT_THAT(server.request(), HasSubstr("GET /status HTTP/1.1\r\n"));
}

TEST(HttpGetTest, ReportsARefusedConnection) {
  base::SocketAddress closed;
  {
    OneShotServer server("");
    closed = server.address();
    (void)Fetch(closed, "/", absl::Seconds(10));
  }

  EXPECT_FALSE(Fetch(closed, "/", absl::Seconds(10)).ok());
}

TEST(ParseHttpAnswerTest, TakesABodyWithoutLengthToTheEnd) {
  const absl::StatusOr<HttpAnswer> answer =
      ParseHttpAnswer("HTTP/1.0 503 Busy\r\n\r\npod a: no namespace\n");

  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->code, 503);
  EXPECT_EQ(answer->body, "pod a: no namespace\n");
}

TEST(ParseHttpAnswerTest, CutsWhatFollowsTheAnnouncedBody) {
  EXPECT_EQ(ParseHttpAnswer("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab")->body, "a");
}

TEST(ParseHttpAnswerTest, RefusesAShortBody) {
  EXPECT_FALSE(ParseHttpAnswer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab").ok());
}

TEST(ParseHttpAnswerTest, RefusesWhatIsNotHttp) {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n", "HTTP/1.1  20 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n", "HTTP/1.x 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"}) {
    EXPECT_FALSE(ParseHttpAnswer(bytes).ok()) << bytes;
  }
}

}  // namespace
}  // namespace sluice::cli
