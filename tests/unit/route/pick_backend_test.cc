#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "userspace/route/matcher.h"

namespace sluice::route {
namespace {

model::HttpRule RuleOf(const std::vector<uint32_t>& weights) {
  model::HttpRule rule;
  for (const uint32_t weight : weights) {
    rule.backends.push_back(
        {.service_port = "shop/" + std::to_string(rule.backends.size()), .weight = weight});
    rule.weight_sum += weight;
  }
  return rule;
}

TEST(PickBackendTest, FindsNoneWithoutBackendsOrWeight) {
  EXPECT_EQ(PickBackend(RuleOf({}), 1), nullptr);
  EXPECT_EQ(PickBackend(RuleOf({0, 0}), 1), nullptr);
}

TEST(PickBackendTest, NeverChoosesAWeightOfZero) {
  const model::HttpRule rule = RuleOf({0, 1, 0, 2, 0});
  std::mt19937_64 random(1);

  for (int i = 0; i < 10000; ++i) EXPECT_GT(PickBackend(rule, random())->weight, 0u);
}

TEST(PickBackendTest, GivesEachItsShare) {
  const std::vector<uint32_t> weights = {90, 9, 1};
  const model::HttpRule rule = RuleOf(weights);
  std::mt19937_64 random(1);
  std::map<const model::WeightedBackend*, int> chosen;
  constexpr int kDraws = 100000;

  for (int i = 0; i < kDraws; ++i) ++chosen[PickBackend(rule, random())];

  for (size_t i = 0; i < weights.size(); ++i) {
    const double share = weights[i] / 100.0;
    const double four_sigma = 4 * std::sqrt(kDraws * share * (1 - share));
    EXPECT_NEAR(chosen[&rule.backends[i]], kDraws * share, four_sigma) << weights[i];
  }
}

}  // namespace
}  // namespace sluice::route
