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

TEST_F(ProbeTest, ReachesTheLevelThatItsProbesAllow) {
  const auto choice =
      datapath::ChooseLevel(datapath::Acceleration::kFull, mesh_->datapath->probes());

  EXPECT_EQ(mesh_->datapath->acceleration(), choice.level);
  EXPECT_EQ(mesh_->datapath->acceleration_reason(), choice.reason);
}

}  // namespace
}  // namespace sluice::bpf_test
