// A large configuration: 1,000 services of ten endpoints each, all of another node. Allocates; any
// thread.
#pragma once

#include "api/workload.pb.h"
#include "userspace/model/snapshot_builder.h"

namespace sluice::bench {

inline constexpr int kServices = 1000, kEndpointsEach = 10;

istio::workload::Address MakeService(int number);                    // "shop/s<number>", port 80.
istio::workload::Address MakeWorkload(int serial, bool is_healthy);  // Of service serial / 10.
void PutManyServices(model::SnapshotBuilder& builder);

}  // namespace sluice::bench
