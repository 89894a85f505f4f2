#include "userspace/proxy/stats.h"

#include <gtest/gtest.h>

#include "userspace/proxy/backend_names.h"

namespace sluice::proxy {
namespace {

TEST(BackendNamesTest, GivesEqualNamesOneNumber) {
  BackendNames names;
  const uint32_t first = names.IdOf({"a", "r", "b"});

  EXPECT_NE(names.IdOf({"a", "r", "c"}), first);
  EXPECT_EQ(names.IdOf({"a", "r", "b"}), first);
}

TEST(BackendNamesTest, LetsEverythingBeyondTheBoundShareOneNumber) {
  BackendNames names;
  for (uint32_t i = 0; i < 2 * kBackendStatsMax; ++i) {
    EXPECT_LT(names.IdOf({"s", "r", std::to_string(i)}), kBackendStatsMax);
  }

  EXPECT_EQ(names.names().size(), kBackendStatsMax);
  EXPECT_EQ(names.IdOf({"one", "more", "name"}), kBackendStatsMax - 1);
  EXPECT_EQ(names.names().back().service, "other");
}

double ValueOf(const node::v1::Stats& stats, std::string_view name, std::string_view label) {
  for (const auto& counter : stats.counters()) {
    if (counter.name() == name && counter.label() == label) return counter.value();
  }
  return -1;
}

TEST(StatsTest, SumsOverWorkers) {
  Counters first;
  Counters second;
  first.Add(Counter::kRequests, 2);
  second.Add(Counter::kRequests, 3);
  second.AddClosed(CloseReason::kClientReset);

  const auto parts = CollectStats({&first, &second}, {}, nullptr, 7);

  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].id(), 7u);
  EXPECT_TRUE(parts[0].is_last());
  EXPECT_EQ(ValueOf(parts[0], "sluice_http_requests_total", ""), 5);
  EXPECT_EQ(ValueOf(parts[0], "sluice_connections_closed_total", "reason=client_reset"), 1);
}

TEST(StatsTest, AGaugeGoesDownAgain) {
  Counters counters;
  counters.Add(Counter::kActiveHttp);
  counters.Add(Counter::kActiveHttp);
  counters.Subtract(Counter::kActiveHttp);

  EXPECT_EQ(ValueOf(CollectStats({&counters}, {}, nullptr, 1)[0], "sluice_connections_active",
                    "path=http"),
            1);
}

TEST(StatsTest, SplitsManyBackendsIntoPacketsOfTheLastKnownSize) {
  Counters counters;
  std::vector<BackendName> names;
  for (uint32_t i = 0; i < 2000; ++i) {
    names.push_back({std::string(100, 's'), "route", std::to_string(i)});
    counters.backend(i).requests_by_class[2].Add(1);
  }

  const auto parts = CollectStats({&counters}, names, nullptr, 1);

  size_t backends = 0;
  for (const auto& part : parts) {
    EXPECT_LT(part.ByteSizeLong(), 60'000u);
    backends += static_cast<size_t>(part.backends_size());
  }
  EXPECT_EQ(backends, 2000u);
  EXPECT_TRUE(parts.back().is_last());
}

}  // namespace
}  // namespace sluice::proxy
