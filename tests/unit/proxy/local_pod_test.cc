#include "userspace/proxy/local_pod.h"

#include <gtest/gtest.h>

#include "userspace/proxy/acceptor.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {
namespace {

TEST(LocalPodTest, IsNotIdleWhileADialUsesAStock) {
  Worker worker{WorkerOptions{}, nullptr, WorkerRequests{}};
  LocalPod pod(worker, {.pod_id = 7});
  ASSERT_TRUE(pod.is_idle());

  pod.stock(DialKind::kToLocalPod, true).AddUser();
  EXPECT_FALSE(pod.is_idle());

  pod.stock(DialKind::kToLocalPod, true).RemoveUser();
  EXPECT_TRUE(pod.is_idle());
}

}  // namespace
}  // namespace sluice::proxy
