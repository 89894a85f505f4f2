// A resource that fits no packet to the proxy is lost as a whole on the node: the controller must
// leave out what came last instead, and say so.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "controller/store/store.h"
#include "controller/translate/translate.h"
#include "userspace/base/text.h"
#include "userspace/model/limits.h"

namespace sluice::controller {
namespace {

constexpr int kManyServices = 1500;

void AddTo(Store& store, const std::string& file, const Json& value) {
  Manifest manifest;
  manifest.origin.file = file;
  manifest.value = value;
  store.Add(manifest);
}

Json Meta(const std::string& name) { return {{"name", name}, {"namespace", "shop"}}; }

Json PodObject() {
  Json pod{{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", Meta("web")}};
  pod["metadata"]["labels"] = {{"app", "web"}};
  pod["spec"] = {{"containers", Json::array({{{"name", "web"}}})}};
  pod["status"] = {{"podIP", "10.0.0.1"}};
  return pod;
}

Json ServiceObject(const std::string& name, int number) {
  Json service{{"apiVersion", "v1"}, {"kind", "Service"}, {"metadata", Meta(name)}};
  service["spec"] = {{"clusterIP", base::Concat("10.96.", number / 250, ".", number % 250 + 1)},
                     {"selector", {{"app", "web"}}},
                     {"ports", Json::array({{{"name", "http"}, {"port", 80}}})}};
  return service;
}

// One pod behind more Services than its workload can hold.
Store ManyServices(const std::string& prefix) {
  Store store;
  AddTo(store, "pod.yaml", PodObject());
  for (int i = 0; i < kManyServices; ++i) {
    AddTo(store, "services.yaml", ServiceObject(base::Concat(prefix, i), i));
  }
  return store;
}

size_t CountProblems(const Translation& translation, std::string_view reason_part) {
  return static_cast<size_t>(std::count_if(
      translation.problems.begin(), translation.problems.end(), [&](const Problem& problem) {
        return problem.reason.find(reason_part) != std::string::npos && !problem.mend.empty();
      }));
}

constexpr char kPodUid[] = "standalone//Pod/shop/web";

// Every Service is either served or told about.
void ExpectAllAccountedFor(const Translation& translation) {
  const auto& workload = translation.addresses.at(kPodUid).workload();
  EXPECT_LE(workload.ByteSizeLong(), model::kResourceSizeMax);
  EXPECT_EQ(workload.services().size() + CountProblems(translation, "already serves"),
            static_cast<size_t>(kManyServices));
}

TEST(ResourceSizeTest, AWorkloadOfTooManyServicesKeepsAsManyAsTheNodeTakes) {
  const Translation translation = Translate(ManyServices("service-"), {.node = "node-1"});
  ExpectAllAccountedFor(translation);
  EXPECT_EQ(translation.addresses.at(kPodUid).workload().services().size(),
            model::AddressLimits::kServicesPerWorkloadMax);
}

TEST(ResourceSizeTest, AWorkloadOfServicesWithLongNamesStaysWithinAPacket) {
  const Translation translation = Translate(ManyServices(std::string(59, 'n')), {.node = "node-1"});
  ExpectAllAccountedFor(translation);
  EXPECT_LT(translation.addresses.at(kPodUid).workload().services().size(),
            model::AddressLimits::kServicesPerWorkloadMax);
}

TEST(ResourceSizeTest, TheOldestServiceKeepsItsPlaceWhateverItsName) {
  Store store = ManyServices("service-");
  Json oldest = ServiceObject("zz-oldest", kManyServices);
  oldest["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z";
  AddTo(store, "oldest.yaml", oldest);
  const Translation translation = Translate(store, {.node = "node-1"});
  const auto& services = translation.addresses.at(kPodUid).workload().services();
  EXPECT_TRUE(services.contains("shop/zz-oldest.shop.svc.cluster.local"));
}

Json RouteObject(const std::string& name, const std::string& created, size_t value_size) {
  Json route{{"apiVersion", "gateway.networking.k8s.io/v1"},
             {"kind", "HTTPRoute"},
             {"metadata", Meta(name)}};
  route["metadata"]["creationTimestamp"] = created;
  Json matches = Json::array();
  for (int i = 0; i < 8; ++i) {
    const Json header{{"name", base::Concat("x-", i)}, {"value", std::string(value_size, 'v')}};
    matches.push_back({{"headers", Json::array({header})}});
  }
  const Json backends = Json::array({{{"name", "web"}, {"port", 80}}});
  route["spec"] = {
      {"parentRefs", Json::array({{{"group", ""}, {"kind", "Service"}, {"name", "web"}}})},
      {"rules", Json::array({{{"matches", matches}, {"backendRefs", backends}}})}};
  return route;
}

TEST(ResourceSizeTest, RoutesThatWouldNotFitAPacketAreLeftOutTheYoungestFirst) {
  Store store;
  AddTo(store, "service.yaml", ServiceObject("web", 1));
  AddTo(store, "young.yaml", RouteObject("a-young", "2026-01-02T00:00:00Z", 4096));
  AddTo(store, "old.yaml", RouteObject("b-old", "2026-01-01T00:00:00Z", 4096));
  const Translation translation = Translate(store, {.node = "node-1"});
  const auto& table = translation.route_tables.at("shop/web.shop.svc.cluster.local:80");
  EXPECT_LE(table.ByteSizeLong(), model::kResourceSizeMax);
  EXPECT_EQ(table.rules_size(), 1);
  ASSERT_EQ(CountProblems(translation, "would take more than"), 1U);
  EXPECT_EQ(translation.problems.front().object, "HTTPRoute shop/a-young");
}

}  // namespace
}  // namespace sluice::controller
