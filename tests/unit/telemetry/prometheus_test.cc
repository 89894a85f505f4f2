#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "userspace/telemetry/sample.h"

namespace sluice::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Sample Counter(std::string name, double value) {
  return {.name = std::move(name), .help = "help", .kind = SampleKind::kCounter, .value = value};
}

TEST(PrometheusTest, WritesHelpTypeAndValueOfACounter) {
  const std::string text = RenderPrometheus({Counter("sluice_things_total", 3)});

  EXPECT_EQ(text,
            "# HELP sluice_things_total help\n"
            "# TYPE sluice_things_total counter\n"
            "sluice_things_total 3\n");
}

TEST(PrometheusTest, PutsSeriesOfOneNameTogether) {
  Sample first = Counter("sluice_a_total", 1);
  first.labels = {{"path", "http"}};
  Sample last = Counter("sluice_a_total", 2);
  last.labels = {{"path", "tcp"}};

  const std::string text = RenderPrometheus({first, Counter("sluice_b_total", 9), last});

  EXPECT_THAT(text, HasSubstr("sluice_a_total{path=\"http\"} 1\nsluice_a_total{path=\"tcp\"} 2\n"));
}

TEST(PrometheusTest, LeavesOutIllegalNames) {
  const std::string text = RenderPrometheus({Counter("sluice bad\n", 1), Counter("", 1)});

  EXPECT_EQ(text, "");
}

TEST(PrometheusTest, LeavesOutLabelsThatAScraperDoesNotTake) {
  for (const char* label : {"", "a:b", "1a", "a b", "__name__"}) {
    Sample sample = Counter("sluice_a_total", 1);
    sample.labels = {{label, "x"}};

    EXPECT_EQ(RenderPrometheus({sample}), "") << label;
  }
}

TEST(PrometheusTest, LeavesOutASeriesThatIsThereAlready) {
  const std::string text =
      RenderPrometheus({Counter("sluice_a_total", 1), Counter("sluice_a_total", 2)});

  EXPECT_THAT(text, Not(HasSubstr("sluice_a_total 2")));
}

TEST(PrometheusTest, EscapesLabelValues) {
  Sample sample = Counter("sluice_a_total", 1);
  sample.labels = {{"reason", "a\"b\nc"}};

  EXPECT_THAT(RenderPrometheus({sample}), HasSubstr("reason=\"a\\\"b\\nc\""));
}

TEST(PrometheusTest, BoundsTheSeries) {
  std::vector<Sample> samples;
  for (size_t i = 0; i < kSamplesMax + 5; ++i) {
    Sample sample = Counter("sluice_a_total", 1);
    sample.labels = {{"n", std::to_string(i)}};
    samples.push_back(sample);
  }

  const std::string text = RenderPrometheus(samples);

  EXPECT_THAT(text, Not(HasSubstr("n=\"" + std::to_string(kSamplesMax) + "\"")));
}

}  // namespace
}  // namespace sluice::telemetry
