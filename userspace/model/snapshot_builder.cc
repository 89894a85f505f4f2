#include "userspace/model/snapshot_builder.h"

#include "absl/strings/str_join.h"
#include "userspace/base/text.h"
#include "userspace/model/builder_state.h"

namespace sluice::model {
namespace {

std::string Message(const absl::Status& status) { return std::string(status.message()); }

template <typename Address>
void Describe(const Claims<Address>& claims, std::string_view kind, std::vector<std::string>& out) {
  for (const Address& address : claims.contested()) {
    const auto& claimants = claims.ClaimantsOf(address);
    out.push_back(
        base::Concat("address ", address.ToString(), " is claimed by several ", kind, ": \"",
                     *claimants.begin(), "\" has it, since its name sorts first, before \"",
                     absl::StrJoin(std::next(claimants.begin()), claimants.end(), "\", \""),
                     "\"; give each its own"));
  }
}

}  // namespace

SnapshotBuilder::SnapshotBuilder() : state_(std::make_unique<State>()) {}
SnapshotBuilder::~SnapshotBuilder() = default;

std::string SnapshotBuilder::PutAddress(const istio::workload::Address& address) {
  switch (address.type_case()) {
    case istio::workload::Address::kService: {
      auto spec = ParseService(address.service());
      if (spec.ok()) return state_->Put(*std::move(spec));
      state_->RemoveService(
          base::Concat(address.service().namespace_(), "/", address.service().hostname()));
      return Message(spec.status());
    }
    case istio::workload::Address::kWorkload: {
      auto spec = ParseWorkload(address.workload());
      if (spec.ok()) return state_->Put(*std::move(spec));
      state_->RemoveWorkload(address.workload().uid());
      return Message(spec.status());
    }
    case istio::workload::Address::TYPE_NOT_SET:
      return "address: neither a workload nor a service is set";
  }
  return "address: its type is not known";
}

std::string SnapshotBuilder::PutRouteTable(std::string_view name,
                                           const route::v1::RouteTable& table) {
  auto spec = ParseRouteTable(name, table);
  if (!spec.ok()) {
    state_->RemoveRoutes(name);
    return Message(spec.status());
  }
  state_->Put(*std::move(spec));
  return "";
}

void SnapshotBuilder::RemoveAddress(std::string_view name) {
  // A uid has more slashes than a service's name, so one name is never both.
  state_->RemoveService(name);
  state_->RemoveWorkload(name);
}

void SnapshotBuilder::RemoveRouteTable(std::string_view name) { state_->RemoveRoutes(name); }

std::vector<std::string> SnapshotBuilder::Conflicts() const {
  std::vector<std::string> out;
  Describe(state_->service_claims, "services", out);
  Describe(state_->workload_claims, "workloads", out);
  return out;
}

std::shared_ptr<const Snapshot> SnapshotBuilder::Build(uint64_t version) {
  state_->Rebuild();
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version_ = version;
  snapshot->endpoint_slot_count_ = state_->slots.count();
  snapshot->service_count_ = state_->services.size();
  snapshot->workload_count_ = state_->workloads.size();
  snapshot->services_ = state_->services_index.Share();
  snapshot->services_by_name_ = state_->names_index.Share();
  snapshot->workloads_ = state_->workloads_index.Share();
  return snapshot;
}

}  // namespace sluice::model
