#include "userspace/balance/pick.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace sluice::balance {
namespace {

constexpr uint32_t kGeneration = 3;

model::Cluster ClusterOf(uint32_t endpoint_count) {
  model::Cluster cluster;
  for (uint32_t i = 0; i < endpoint_count; ++i) {
    cluster.endpoints.push_back({.slot = {.index = i, .generation = kGeneration}});
  }
  return cluster;
}

std::vector<EndpointLoad> LoadsOf(const std::vector<uint32_t>& active) {
  std::vector<EndpointLoad> loads;
  for (const uint32_t count : active)
    loads.push_back({.generation = kGeneration, .active_requests = count});
  return loads;
}

std::vector<int> Chosen(const model::Cluster& cluster, const std::vector<EndpointLoad>& loads,
                        int draws, const std::vector<uint32_t>& excluded = {}) {
  std::vector<int> chosen(cluster.endpoints.size());
  std::mt19937_64 random(1);
  for (int i = 0; i < draws; ++i)
    ++chosen[PickLeastRequest(cluster, loads, random(), excluded).value()];
  return chosen;
}

TEST(PickLeastRequestTest, FindsNoneInAnEmptyCluster) {
  EXPECT_FALSE(PickLeastRequest(ClusterOf(0), {}, 1));
}

TEST(PickLeastRequestTest, TakesTheOnlyEndpointHoweverLoaded) {
  EXPECT_EQ(PickLeastRequest(ClusterOf(1), LoadsOf({1000}), 77), 0u);
}

TEST(PickLeastRequestTest, TakesTheLessLoadedOfTwo) {
  EXPECT_EQ(Chosen(ClusterOf(2), LoadsOf({5, 4}), 1000), (std::vector<int>{0, 1000}));
}

TEST(PickLeastRequestTest, NeverTakesTheMostLoadedOfMany) {
  EXPECT_EQ(Chosen(ClusterOf(5), LoadsOf({1, 1, 9, 1, 1}), 10000)[2], 0);
}

TEST(PickLeastRequestTest, SpreadsEvenlyWhenAllAreEqual) {
  constexpr int kDraws = 100000;
  for (const uint32_t count : {2u, 3u, 7u}) {
    const double share = 1.0 / count;
    for (const int chosen :
         Chosen(ClusterOf(count), LoadsOf(std::vector<uint32_t>(count, 4)), kDraws)) {
      EXPECT_NEAR(chosen, kDraws * share, 4 * std::sqrt(kDraws * share * (1 - share))) << count;
    }
  }
}

TEST(PickLeastRequestTest, ComparesTwoDistinctEndpoints) {
  // Were both draws allowed to fall on one endpoint, the idle one of three would get 5/9; it gets
  // 2/3.
  constexpr int kDraws = 90000;

  const auto chosen = Chosen(ClusterOf(3), LoadsOf({0, 1, 1}), kDraws);

  EXPECT_NEAR(chosen[0], kDraws * 2 / 3, 600);
}

TEST(PickLeastRequestTest, TreatsASlotOfAnotherGenerationAsFresh) {
  std::vector<EndpointLoad> loads = LoadsOf({1, 100});
  loads[1].generation = kGeneration - 1;

  EXPECT_EQ(Chosen(ClusterOf(2), loads, 1000), (std::vector<int>{0, 1000}));
}

TEST(PickLeastRequestTest, TreatsASlotBeyondTheLoadsAsFresh) {
  EXPECT_EQ(Chosen(ClusterOf(2), LoadsOf({1}), 1000), (std::vector<int>{0, 1000}));
}

TEST(PickLeastRequestTest, PassesOverWhatWasTriedBefore) {
  const auto chosen = Chosen(ClusterOf(5), {}, 30000, {3, 0, 3, 99});

  EXPECT_EQ(chosen[0] + chosen[3], 0);
  for (const int index : {1, 2, 4}) EXPECT_NEAR(chosen[index], 10000, 400) << index;
}

TEST(PickLeastRequestTest, TakesTheLastEndpointThatWasNotTried) {
  EXPECT_EQ(Chosen(ClusterOf(3), LoadsOf({0, 0, 9}), 1000, {0, 1}), (std::vector<int>{0, 0, 1000}));
}

TEST(PickLeastRequestTest, StartsOverWhenAllWereTried) {
  const auto chosen = Chosen(ClusterOf(2), {}, 10000, {0, 1});

  EXPECT_GT(*std::min_element(chosen.begin(), chosen.end()), 4000);
}

}  // namespace
}  // namespace sluice::balance
