// Collects resources and builds snapshots. Owned by the proxy's main thread; may allocate freely.
// A resource that cannot be used (bad address, port out of range, broken regular expression) is
// refused alone, with a reason, and what it would have replaced is removed: the rest of the
// snapshot is never held back. An address that two resources claim goes to the one whose name sorts
// first, whatever the order of arrival; the other keeps the rest of what it declares and gets the
// address when the first lets go of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/route.pb.h"
#include "api/workload.pb.h"
#include "userspace/model/snapshot.h"

namespace sluice::model {

class SnapshotBuilder {
 public:
  SnapshotBuilder();
  ~SnapshotBuilder();

  // Each returns "" or the reason why the resource, or an address of it, was refused.
  std::string PutAddress(const istio::workload::Address& address);
  std::string PutRouteTable(std::string_view name, const sluice::route::v1::RouteTable& table);
  void RemoveAddress(std::string_view name);  // Workload uid or "namespace/hostname".
  void RemoveRouteTable(std::string_view name);

  // Every address that is claimed twice at present, one sentence each, in a fixed order: also those
  // whose loser was put first and so was not told.
  std::vector<std::string> Conflicts() const;

  // Shares with the snapshot built before whatever has not changed; costs what the changes since
  // then cost.
  std::shared_ptr<const Snapshot> Build(uint64_t version);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::model
