// A stream that either side resets, or whose connection breaks, at each moment of its life between
// two ends of HTTP/2: it hurts itself alone, and nothing of it stays.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/proxy/http2_peer.h"
#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

using http::H2Error;
using http::H2Role;

constexpr std::string_view kUpload =
    "POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr uint32_t kBroken = 1;
constexpr uint32_t kOther = 3;  // Opened beside it.
const std::vector<http::Header> kTrailers{{.name = "x-a", .value = "1"}};

enum class Breaker { kClientReset, kServerReset, kServerResetNoError, kServerRefusal, kServerGone };

class WorkerResetsTest : public testing::TestWithParam<std::tuple<Breaker, int, bool>> {
 protected:
  // Does one step of the stream; it has arrived on the other side when this returns, if it is to.
  void Step(int step, bool awaits, Http2Peer& client, Http2Peer& server) {
    const auto await = [awaits](Http2Peer& peer, std::string_view event) {
      if (awaits) {
        EXPECT_NE(peer.Await(event), "") << event;
      }
    };
    switch (step) {
      case 0:
        return;  // The head is there.
      case 1:
        client.Offer(kBroken, "content", false);
        return await(server, "data 1 content");
      case 2:
        server.session().SubmitResponse(
            kBroken, http::ParseResponse("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"), false);
        server.Flush();
        return await(client, "response 1 103");
      case 3:
        server.session().SubmitResponse(kBroken, http::ParseResponse("HTTP/1.1 200 OK\r\n\r\n"),
                                        false);
        server.Flush();
        return await(client, "response 1 200");
      case 4:
        server.Offer(kBroken, "answer", false);
        return await(client, "data 1 answer");
      case 5:
        client.session().SubmitTrailers(kBroken, kTrailers);
        client.Flush();
        return await(server, "trailers 1");
      default:
        server.session().SubmitTrailers(kBroken, kTrailers);
        server.Flush();
        return await(client, "trailers 1");
    }
  }
  static void Break(Breaker breaker, Http2Peer& client, Http2Peer& server) {
    const auto reset = [](Http2Peer& peer, H2Error error) {
      peer.SendRaw(http::Frame(http::H2FrameType::kRstStream, 0, kBroken,
                               http::Number(static_cast<uint32_t>(error))));
    };
    switch (breaker) {
      case Breaker::kClientReset:
        return reset(client, H2Error::kCancel);
      case Breaker::kServerReset:
        return reset(server, H2Error::kInternalError);
      case Breaker::kServerResetNoError:
        return reset(server, H2Error::kNoError);
      case Breaker::kServerRefusal:
        return reset(server, H2Error::kRefusedStream);
      case Breaker::kServerGone:
        return server.peer().FinishSending();
    }
  }
};

TEST_P(WorkerResetsTest, HurtsItselfAloneAndLeavesNothing) {
  const auto [breaker, steps, awaits] = GetParam();
  WorkerTown town;
  SLUICE_REQUIRE_RUNNING(town);
  town.Dial("10.96.0.1:50");
  Http2Peer client(town.Connect(), H2Role::kClient);
  client.Request(kUpload, false);
  client.Request(kUpload, false);
  Http2Peer server(town.Accept(), H2Role::kServer);
  ASSERT_NE(server.Await("request 3"), "");
  for (int step = 0; step <= steps; ++step) Step(step, awaits, client, server);

  Break(breaker, client, server);

  const bool is_server_gone = breaker == Breaker::kServerGone;
  client.Offer(kOther, "other", true);
  if (!is_server_gone) {
    EXPECT_NE(server.Await("data 3 other end"), "");
    server.Answer(kOther, "HTTP/1.1 200 OK\r\n\r\n", "fine");
    EXPECT_EQ(client.Await("data 3"), "data 3 fine end");
  } else {
    EXPECT_NE(client.Await("response 3 50"), "");
  }
  client.peer().Close();
  server.peer().Close();
  // Nothing of it has been answered: it was sent again, on a connection of its own.
  if (breaker == Breaker::kServerRefusal && steps == 0) town.Accept().Close();
  EXPECT_TRUE(Eventually([&] { return town.worker().session_count() == 0; }));
}

INSTANTIATE_TEST_SUITE_P(
    AtEachMoment, WorkerResetsTest,
    testing::Combine(testing::Values(Breaker::kClientReset, Breaker::kServerReset,
                                     Breaker::kServerResetNoError, Breaker::kServerRefusal,
                                     Breaker::kServerGone),
                     testing::Range(0, 7), testing::Bool()));

}  // namespace
}  // namespace sluice::proxy
