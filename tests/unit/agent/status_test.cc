#include "userspace/agent/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "userspace/agent/metrics.h"

namespace sluice::agent {
namespace {

NodeView Example() {
  NodeView view;
  view.node = "node-1";
  view.version = "0.1.0";
  view.kernel = "6.1.0";
  view.acceleration = {.requested = datapath::Acceleration::kFull,
                       .level = datapath::Acceleration::kSend,
                       .reason = "fionread_redirected failed"};
  view.acceleration_max = datapath::Acceleration::kSend;
  view.probes = {{"redirect", true, ""}, {"fionread_redirected", false, "expected 5, saw 0"}};
  view.pods = {
      {"u1", "shop", "web", {"10.0.0.1", "fd00::1"}, "/run/netns/web", true, "", {}, true},
      {"u2", "shop", "db", {}, "/run/netns/db", false, "no address: status.podIP is not set", {}}};
  view.pods[0].acceleration.reason = "the pod's annotation says off";
  view.pods[1].acceleration = view.acceleration;
  view.map_writes = {{"destinations", 12}};
  view.kernel_counters = {{"connect_proxied", 9},
                          {"connect_passed", 4},
                          {"connect_denied_destination", 2},
                          {"connect_denied_storage", 1}};
  view.agent_numbers = {{"sluice_agent_dial_sockets_total", "Sockets.", 12, false}};
  view.proxy_numbers.counters = {
      {"sluice_connections_opened_total", "path", "http", 9, false, "Connections."},
      {"sluice_connections_active", "path", "http", 1, true, "Connections now."}};
  view.proxy_numbers.backends = {
      {"shop/web:80", "shop/split", "shop/v1:80", {1, 0, 90, 0, 3, 0}, 1500}};
  view.proxy_numbers.undeclared_ports = {{"shop/db:3306", {"silence", "server_first"}, 1}};
  view.proxy_numbers_age_s = 0.5;
  view.proxy_pid = 42;
  view.proxy_state = "ready";
  view.proxy_restart_count = 1;
  view.controller_reason = "connect: no such file";
  view.config_version = 3;
  view.service_count = 2;
  view.workload_count = 4;
  view.route_table_count = 1;
  discovery::v1::ObjectProblem problem;
  problem.set_file("a.yaml");
  problem.set_document(2);
  problem.set_object("Service shop/web");
  problem.set_field("spec.ports[0].port");
  problem.set_reason("70000 is not a port");
  problem.set_mend("write 1 to 65535");
  view.problems = {problem};
  view.not_ready = {"pod u2: no address"};
  return view;
}

// Equal to the file, or the file is written when SLUICE_UPDATE_GOLDEN is set.
void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(SLUICE_GOLDEN_DIR) + "/agent/" + name;
  if (std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

TEST(StatusTest, TellsEverythingAsJson) { ExpectGolden("status.json", StatusJson(Example())); }

TEST(StatusTest, TellsWhatIsNotReady) {
  EXPECT_EQ(ReadinessText(Example()), "pod u2: no address\n");
  EXPECT_EQ(ReadinessText(NodeView()), "ready\n");
}

TEST(StatusTest, SurvivesTextThatIsNotUnicode) {
  NodeView view;
  view.node = "\xff\xfe";

  EXPECT_THAT(StatusJson(view), testing::HasSubstr("\"node\""));
}

TEST(MetricsTest, TellsEverythingAsPrometheusText) {
  ExpectGolden("metrics.txt", telemetry::RenderPrometheus(NodeMetrics(Example())));
}

TEST(MetricsTest, DoesNotLetTheProxySpeakForTheAgent) {
  NodeView view = Example();
  view.proxy_numbers.counters = {{"sluice_agent_dial_sockets_total", "", "", 7, false, "Forged."},
                                 {"sluice_ready", "", "", 1, true, "Forged."}};

  const std::string text = telemetry::RenderPrometheus(NodeMetrics(view));

  EXPECT_THAT(text, testing::HasSubstr("\nsluice_agent_dial_sockets_total 12\n"));
  EXPECT_THAT(text, testing::HasSubstr("\nsluice_ready 0\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("Forged")));
}

TEST(MetricsTest, NamesAreOursAndCountersEndInTotal) {
  for (const telemetry::Sample& sample : NodeMetrics(Example())) {
    EXPECT_THAT(sample.name, testing::StartsWith("sluice_"));
    EXPECT_FALSE(sample.help.empty()) << sample.name;
    EXPECT_EQ(sample.kind == telemetry::SampleKind::kCounter, sample.name.ends_with("_total"))
        << sample.name;
  }
}

}  // namespace
}  // namespace sluice::agent
