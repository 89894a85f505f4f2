// A packet from a hostile proxy: everything that acts on it alone, with rims that only count. No
// message may bring a pod into the kernel that was not given to the proxy, or make the numbers
// unbounded.
#include <cstddef>
#include <cstdint>
#include <string>

#include "api/node.pb.h"
#include "tests/unit/agent/builders.h"
#include "tests/unit/agent/fakes.h"
#include "userspace/agent/config_sync.h"
#include "userspace/agent/pod_set.h"
#include "userspace/agent/proxy_stats.h"
#include "userspace/agent/socket_bank.h"
#include "userspace/base/check.h"

namespace {

using namespace sluice::agent;

void ShowToPodsAndConfig(const sluice::node::v1::ToAgent& message) {
  Deeds deeds;
  FakeKernel kernel(deeds);
  FakeProxy proxy(deeds);
  FakeHost host(deeds);
  host.cookies["/run/netns/a"] = 11;
  Resources resources;
  PutPod(resources, "a", "/run/netns/a", {"10.0.0.1"});
  PodSet pods(kernel, proxy, host, sluice::datapath::Acceleration::kOff);
  pods.Plan(resources);
  pods.Advance(/*can_add_to_proxy=*/false);
  // Nothing was given to the proxy yet, so nothing it says is true.
  SLUICE_CHECK(!pods.PodAdded(message.pod_added().pod_id()));
  SLUICE_CHECK(!pods.PodRemoved(message.pod_removed().pod_id()));
  SLUICE_CHECK(!pods.IsCaptured("a"));
  ConfigSync config(kernel, proxy);
  config.ProxyReady();
  SLUICE_CHECK(
      !config.Applied(message.config_applied().version(), message.config_applied().error()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::node::v1::ToAgent message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  ShowToPodsAndConfig(message);
  ProxyStats stats;
  const uint64_t id = stats.NewRequest();
  message.mutable_stats()->set_id(id);
  stats.Part(message.stats(), absl::FromUnixSeconds(1));
  SLUICE_CHECK(stats.latest().counters.size() <= kStatsCountersMax);
  SLUICE_CHECK(stats.latest().backends.size() <= kStatsBackendsMax);
  return 0;
}
