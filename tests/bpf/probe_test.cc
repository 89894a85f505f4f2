#include "tests/bpf/mesh.h"
#include "userspace/datapath/level.h"

namespace sluice::bpf_test {
namespace {

using ProbeTest = MeshTest;

// What differs between kernels is only what FIONREAD says; the rest is needed everywhere.
TEST_F(ProbeTest, PassesAllBasicProbesOnEveryKernel) {
  ASSERT_FALSE(mesh_->datapath->probes().empty());
  for (const datapath::ProbeResult& probe : mesh_->datapath->probes()) {
    std::printf("%-20s %s  %s\n", probe.name.c_str(), probe.has_passed ? "passed" : "failed",
                probe.detail.c_str());
    if (probe.name.starts_with("fionread") || probe.name == datapath::kProbeBusy) continue;
    EXPECT_TRUE(probe.has_passed) << probe.name << ": " << probe.detail;
  }
}

TEST_F(ProbeTest, CountsNothingOfTheProbesAsTraffic) {
  for (const char* name : {"connect_proxied", "pair_joined", "splice_redirected", "splice_tcp"})
    EXPECT_EQ(mesh_->Counter(name), 0u) << name;
}

TEST_F(ProbeTest, ReachesTheLevelThatItsProbesAllow) {
  for (const auto requested : {datapath::Acceleration::kOff, datapath::Acceleration::kSend,
                               datapath::Acceleration::kFull}) {
    const auto expected = datapath::ChooseLevel(requested, mesh_->datapath->probes());

    const auto choice = mesh_->datapath->ChooseLevel(requested);

    EXPECT_EQ(choice.level, expected.level);
    EXPECT_EQ(choice.reason, expected.reason);
  }
}

}  // namespace
}  // namespace sluice::bpf_test
