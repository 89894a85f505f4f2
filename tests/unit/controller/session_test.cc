#include "controller/publish/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::controller {
namespace {

using sluice::discovery::v1::DeltaDiscoveryRequest;
using sluice::discovery::v1::DeltaDiscoveryResponse;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

ResourceSet MakeSet(const std::map<std::string, std::string>& addresses) {
  ResourceSet out;
  out.version = 1;
  for (const auto& [name, bytes] : addresses) {
    out.by_type[0].emplace(name, Resource{.version = ContentVersion(bytes), .bytes = bytes});
  }
  return out;
}

DeltaDiscoveryRequest Request(std::vector<std::string> names = {}) {
  DeltaDiscoveryRequest request;
  request.mutable_node()->set_id("node-1");
  request.set_type_url(std::string(base::kAddressType));
  for (std::string& name : names) request.add_resource_names_subscribe(std::move(name));
  return request;
}

DeltaDiscoveryRequest Ack(const DeltaDiscoveryResponse& response) {
  DeltaDiscoveryRequest request;
  request.set_type_url(response.type_url());
  request.set_response_nonce(response.nonce());
  return request;
}

std::vector<std::string> Names(const DeltaDiscoveryResponse& response) {
  std::vector<std::string> out;
  for (const auto& resource : response.resources()) out.push_back(resource.name());
  for (const auto& name : response.removed_resources()) out.push_back("-" + name);
  return out;
}

class SessionTest : public testing::Test {
 protected:
  // The only response that may be sent now; an empty one if there is none.
  DeltaDiscoveryResponse RespondOnce(const ResourceSet& resources) {
    const auto responses = session_.Respond(resources);
    EXPECT_THAT(responses, SizeIs(1));
    return responses.empty() ? DeltaDiscoveryResponse() : responses.front();
  }

  PublishCounters counters_;
  Session session_{counters_};
};

TEST_F(SessionTest, RefusesAFirstRequestWithoutNode) {
  EXPECT_FALSE(session_.Receive(DeltaDiscoveryRequest()).ok());
}

TEST_F(SessionTest, SendsEverythingForARequestWithoutNames) {
  ASSERT_TRUE(session_.Receive(Request()).ok());

  const auto response = RespondOnce(MakeSet({{"a", "1"}, {"b", "2"}}));

  EXPECT_THAT(Names(response), ElementsAre("a", "b"));
  EXPECT_EQ(response.type_url(), base::kAddressType);
  EXPECT_EQ(response.resources(0).resource().type_url(), base::kAddressType);
  EXPECT_EQ(response.resources(0).resource().value(), "1");
}

TEST_F(SessionTest, SendsEverythingForAStar) {
  ASSERT_TRUE(session_.Receive(Request({"*"})).ok());

  EXPECT_THAT(Names(RespondOnce(MakeSet({{"a", "1"}}))), ElementsAre("a"));
}

TEST_F(SessionTest, AnswersTheFirstRequestEvenWithNothing) {
  ASSERT_TRUE(session_.Receive(Request()).ok());

  EXPECT_THAT(Names(RespondOnce(MakeSet({}))), IsEmpty());
  EXPECT_THAT(session_.Respond(MakeSet({})), IsEmpty());
}

TEST_F(SessionTest, SendsOnlyWhatHasChanged) {
  ASSERT_TRUE(session_.Receive(Request()).ok());
  ASSERT_TRUE(
      session_.Receive(Ack(RespondOnce(MakeSet({{"a", "1"}, {"b", "2"}, {"c", "3"}})))).ok());

  const auto response = RespondOnce(MakeSet({{"a", "1"}, {"b", "22"}, {"d", "4"}}));

  EXPECT_THAT(Names(response), ElementsAre("b", "d", "-c"));
}

TEST_F(SessionTest, SendsNothingForEqualContent) {
  ASSERT_TRUE(session_.Receive(Request()).ok());
  ASSERT_TRUE(session_.Receive(Ack(RespondOnce(MakeSet({{"a", "1"}})))).ok());

  EXPECT_THAT(session_.Respond(MakeSet({{"a", "1"}})), IsEmpty());
}

TEST_F(SessionTest, HasOneResponseInFlight) {
  ASSERT_TRUE(session_.Receive(Request()).ok());
  const auto first = RespondOnce(MakeSet({{"a", "1"}}));

  EXPECT_THAT(session_.Respond(MakeSet({{"a", "2"}})), IsEmpty());
  ASSERT_TRUE(session_.Receive(Ack(first)).ok());

  EXPECT_THAT(Names(RespondOnce(MakeSet({{"a", "3"}}))), ElementsAre("a"));
  EXPECT_EQ(counters_.acks, 1U);
}

TEST_F(SessionTest, IgnoresAnAnswerWithAnotherNonce) {
  ASSERT_TRUE(session_.Receive(Request()).ok());
  auto stale = Ack(RespondOnce(MakeSet({{"a", "1"}})));
  stale.set_response_nonce("stale");

  ASSERT_TRUE(session_.Receive(stale).ok());

  EXPECT_THAT(session_.Respond(MakeSet({{"a", "2"}})), IsEmpty());
  EXPECT_EQ(counters_.stale_nonces, 1U);
}

TEST_F(SessionTest, DoesNotRepeatWhatTheNodeRefused) {
  ASSERT_TRUE(session_.Receive(Request()).ok());
  auto nack = Ack(RespondOnce(MakeSet({{"a", "1"}})));
  nack.mutable_error_detail()->set_message("bad");
  ASSERT_TRUE(session_.Receive(nack).ok());

  EXPECT_THAT(session_.Respond(MakeSet({{"a", "1"}})), IsEmpty());
  EXPECT_THAT(Names(RespondOnce(MakeSet({{"a", "2"}}))), ElementsAre("a"));
  EXPECT_EQ(counters_.nacks, 1U);
}

TEST_F(SessionTest, HonoursWhatAReturningNodeHolds) {
  auto request = Request();
  (*request.mutable_initial_resource_versions())["a"] = ContentVersion("1");
  (*request.mutable_initial_resource_versions())["b"] = ContentVersion("old");
  (*request.mutable_initial_resource_versions())["gone"] = ContentVersion("x");
  ASSERT_TRUE(session_.Receive(request).ok());

  const auto response = RespondOnce(MakeSet({{"a", "1"}, {"b", "2"}, {"c", "3"}}));

  EXPECT_THAT(Names(response), ElementsAre("b", "c", "-gone"));
}

TEST_F(SessionTest, SaysThatANamedResourceDoesNotExist) {
  ASSERT_TRUE(session_.Receive(Request({"a", "x"})).ok());

  EXPECT_THAT(Names(RespondOnce(MakeSet({{"a", "1"}, {"b", "2"}}))), ElementsAre("a", "-x"));
}

TEST_F(SessionTest, SendsANamedResourceWhenItAppears) {
  ASSERT_TRUE(session_.Receive(Request({"x"})).ok());
  ASSERT_TRUE(session_.Receive(Ack(RespondOnce(MakeSet({})))).ok());

  EXPECT_THAT(Names(RespondOnce(MakeSet({{"x", "1"}, {"y", "2"}}))), ElementsAre("x"));
}

TEST_F(SessionTest, SendsNoMoreOfAnUnsubscribedName) {
  ASSERT_TRUE(session_.Receive(Request({"a", "b"})).ok());
  auto answer = Ack(RespondOnce(MakeSet({{"a", "1"}, {"b", "2"}})));
  answer.add_resource_names_unsubscribe("a");
  ASSERT_TRUE(session_.Receive(answer).ok());

  EXPECT_THAT(Names(RespondOnce(MakeSet({{"a", "11"}, {"b", "22"}}))), ElementsAre("b"));
}

TEST_F(SessionTest, LeavesAnUnknownTypeWithoutAnswer) {
  auto request = Request();
  request.set_type_url("type.googleapis.com/unknown");

  EXPECT_TRUE(session_.Receive(request).ok());
  EXPECT_THAT(session_.Respond(MakeSet({{"a", "1"}})), IsEmpty());
  EXPECT_EQ(counters_.unknown_types, 1U);
}

TEST_F(SessionTest, SplitsWhatIsTooLargeForOneResponse) {
  const std::string large(kResponseSizeTarget, 'x');
  const ResourceSet resources = MakeSet({{"a", large}, {"b", large}});
  ASSERT_TRUE(session_.Receive(Request()).ok());

  const auto first = RespondOnce(resources);
  ASSERT_TRUE(session_.Receive(Ack(first)).ok());
  const auto second = RespondOnce(resources);

  EXPECT_THAT(Names(first), ElementsAre("a"));
  EXPECT_THAT(Names(second), ElementsAre("b"));
}

}  // namespace
}  // namespace sluice::controller
