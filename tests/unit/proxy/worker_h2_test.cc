// What RFC 9113 and RFC 7541 demand of a proxy beyond its codec. Tests are named after the section;
// tests/unit/http/musts.tsv lists what each section demands.
#include <cstdlib>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/h2_frames.h"
#include "tests/unit/proxy/worker_town.h"

namespace sluice::proxy {
namespace {

using http::ScriptInput;
using ::testing::Contains;
using ::testing::HasSubstr;

class WorkerH2Test : public testing::Test {
 protected:
  void SetUp() override {
    town_ = std::make_unique<WorkerTown>();
    SLUICE_REQUIRE_RUNNING(*town_);
  }
  // A client that has sent its preface and these frames.
  Peer ConnectAndSend(std::string_view frames) {
    Peer client = town_->Connect();
    client.Send(base::Concat(http::kH2Preface, http::SettingsFrame(), frames));
    return client;
  }

  std::unique_ptr<WorkerTown> town_;
};
using WorkerRfc9113Test = WorkerH2Test;
using WorkerRfc7541Test = WorkerH2Test;

TEST_F(WorkerRfc9113Test, Section8_5ATunnelWhoseStreamIsResetResetsItsConnection) {
  Peer client = ConnectAndSend(ScriptInput("headers 1 h [:method: CONNECT|:authority: web:80]"));
  Peer server = town_->Accept();
  ASSERT_THAT(server.ReadHead(), HasSubstr("CONNECT web:80"));
  server.Send("HTTP/1.1 200 OK\r\n\r\n");
  client.Send(ScriptInput("data 1 - thello"));
  ASSERT_EQ(server.ReadUntil("hello"), "hello");

  client.Send(ScriptInput("rst 1 - u8"));

  EXPECT_THAT(server.ReadAll(), HasSubstr("reset"));
}

TEST_F(WorkerRfc9113Test, Section5_4_1TheConnectionIsClosedBehindAnError) {
  Peer client = ConnectAndSend(ScriptInput("window 0 - u0"));
  EXPECT_THAT(client.ReadAll(), HasSubstr("h2_window_increment_zero"));  // In GOAWAY; then the end.
}

TEST_F(WorkerRfc7541Test, Section6_2_3SecretsCrossTheProxyAsSecrets) {
  town_->Dial("10.96.0.1:50");
  std::string block = "\x82\x86";  // GET, http.
  for (const http::HpackEntry& field :
       {http::HpackEntry{":path", "/"}, {":authority", "a"}, {"x-token", "t"}}) {
    block.append("\x10").append(http::PlainString(field.name));
    block.append(http::PlainString(field.value));
  }
  Peer client = ConnectAndSend(http::HeadersFrame(1, block));
  Peer server = town_->Accept();

  const std::string sent = server.ReadUntil("\x01t");  // The value of the last field.

  http::HpackDecoder decoder(4096);
  const std::vector<std::string> fields = http::FieldsOf(sent, decoder);
  for (const char* field : {":method: GET", "!:path: /", "!:authority: a", "!x-token: t"}) {
    EXPECT_THAT(fields, Contains(field));
  }
}

}  // namespace
}  // namespace sluice::proxy
