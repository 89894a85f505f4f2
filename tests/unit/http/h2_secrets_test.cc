// RFC 7541 sections 6.2.3 and 7.1.3: what came never indexed goes on never indexed.
#include "userspace/http/h2_secrets.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/h2_frames.h"

namespace sluice::http {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::StartsWith;

// Fields as in Block(), never indexed.
std::string SecretBlock(std::initializer_list<HpackEntry> fields) {
  std::string block;
  for (const HpackEntry& field : fields) {
    block.push_back('\x10');
    block.append(PlainString(field.name)).append(PlainString(field.value));
  }
  return block;
}

const std::initializer_list<HpackEntry> kRequest = {
    {":method", "GET"},      {":scheme", "http"}, {":path", "/"},    {":authority", "a"},
    {"content-length", "0"}, {"te", "trailers"},  {"cookie", "c=d"}, {"x-token", "t"}};

TEST(HpackRfc7541Test, Section6_2_3ARequestsSecretsAreForwardedAsSecrets) {
  Server server;
  server.Feed(HeadersFrame(1, SecretBlock(kRequest)));
  Client client;
  client.session.SubmitRequest(server.buffer.request, {}, true, 0);
  HpackDecoder decoder(4096);
  const std::vector<std::string> fields = FieldsOf(client.Output(), decoder);
  EXPECT_EQ(fields.size(), kRequest.size());
  EXPECT_THAT(fields, Each(StartsWith("!")));
  EXPECT_EQ(decoder.table().count(), 0u);
}

TEST(HpackRfc7541Test, Section6_2_3ASecretHostIsASecretAuthority) {
  Server server;
  server.Feed(HeadersFrame(1, Block({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}) +
                                  SecretBlock({{"host", "a"}})));
  Client client;
  client.session.SubmitRequest(server.buffer.request, {}, true, 0);
  HpackDecoder decoder(4096);
  EXPECT_THAT(FieldsOf(client.Output(), decoder),
              ElementsAre(":method: GET", ":scheme: http", ":path: /", "!:authority: a"));
}

TEST(HpackRfc7541Test, Section6_2_3AnAnswersSecretsAreForwardedAsSecrets) {
  AskingClient client;
  client.Feed(HeadersFrame(1, SecretBlock({{":status", "200"}, {"x", "y"}}), kH2EndHeaders));
  Server server;
  server.Feed(HeadersFrame(1, GetBlock()));
  server.session.SubmitResponse(1, client.buffer.response, false);
  client.Feed(HeadersFrame(1, SecretBlock({{"x-trailer", "z"}})));
  server.session.SubmitTrailers(1, client.buffer.trailers);
  HpackDecoder decoder(4096);
  EXPECT_THAT(FieldsOf(server.Output(), decoder),
              ElementsAre("!:status: 200", "!x: y", "!x-trailer: z"));
}

TEST(HpackRfc7541Test, Section7_1_3ASecretStaysOneWhileItsHeadIsText) {
  Server server;
  server.Feed(HeadersFrame(1, SecretBlock(kRequest)));
  const RequestHead& head = server.buffer.request;
  std::string names;
  AppendSecretNames(head.headers(), head.secret_pseudo, names);
  RequestHead again;
  ASSERT_EQ(ParseRequestHead({head.method.data(), head.head_size}, 0, H1Limits{}, &again).status,
            ParseStatus::kComplete);

  again.secret_pseudo = MarkSecrets(names, {again.header_array.data(), again.header_count});

  EXPECT_EQ(again.secret_pseudo, head.secret_pseudo);
  for (const Header& header : again.headers()) {
    EXPECT_EQ(header.is_never_indexed, header.id != HeaderId::kHost) << header.name;
  }
}

TEST(H2SecretsTest, AHeadWithoutSecretsHasNoNames) {
  Server server;
  server.Feed(HeadersFrame(1, GetBlock()));
  std::string names;
  AppendSecretNames(server.buffer.request.headers(), server.buffer.request.secret_pseudo, names);
  EXPECT_EQ(names, "");
}

}  // namespace
}  // namespace sluice::http
