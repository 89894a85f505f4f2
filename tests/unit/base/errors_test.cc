#include "userspace/base/errors.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace sluice::base {
namespace {

TEST(ErrnoStatusTest, SaysWhatWasDoneAndWhyItFailed) {
  const absl::Status status = ErrnoStatus(ENOENT, "open \"/x\"");

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "open \"/x\": No such file or directory");
}

TEST(WrapTest, PutsTheOuterStepFirstAndKeepsTheCode) {
  const absl::Status status = Wrap(absl::InvalidArgumentError("port 0"), "service a/b");

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "service a/b: port 0");
}

TEST(WrapTest, LeavesSuccessAlone) { EXPECT_TRUE(Wrap(absl::OkStatus(), "anything").ok()); }

}  // namespace
}  // namespace sluice::base
