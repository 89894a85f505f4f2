#include "userspace/datapath/cgroup_root.h"

#include <gtest/gtest.h>

namespace sluice::datapath {
namespace {

TEST(ParseCgroupRootTest, FindsTheUnifiedHierarchyOfAHybridHost) {
  EXPECT_EQ(
      ParseCgroupRoot("30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
                      "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                      "32 30 0:28 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 none rw\n"),
      "/sys/fs/cgroup/unified");
}

TEST(ParseCgroupRootTest, PrefersTheWholeHierarchyToAPart) {
  EXPECT_EQ(ParseCgroupRoot("1 0 0:28 /pod /mnt/part rw - cgroup2 none rw\n"
                            "2 0 0:28 / /mnt/whole rw - cgroup2 none rw\n"),
            "/mnt/whole");
}

TEST(ParseCgroupRootTest, UnescapesTheMountPoint) {
  EXPECT_EQ(ParseCgroupRoot("1 0 0:28 / /mnt/a\\040b rw - cgroup2 none rw\n"), "/mnt/a b");
}

TEST(ParseCgroupRootTest, FindsNothingWithoutCgroup2OrInBrokenText) {
  EXPECT_EQ(ParseCgroupRoot(""), std::nullopt);
  EXPECT_EQ(ParseCgroupRoot("1 0 0:28 / /mnt rw - cgroup none rw\n"), std::nullopt);
  EXPECT_EQ(ParseCgroupRoot("- cgroup2\n1 2 -\n"), std::nullopt);
}

}  // namespace
}  // namespace sluice::datapath
