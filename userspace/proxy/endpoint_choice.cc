#include "userspace/proxy/endpoint_choice.h"

#include "absl/types/span.h"
#include "userspace/balance/pick.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

bool EndpointChoice::Next(Worker& worker, const model::Cluster* cluster,
                          const base::SocketAddress& dialled) {
  ReleaseLoad(worker);
  const size_t endpoint_count = cluster == nullptr ? 1 : cluster->endpoints.size();
  if (tried_count_ >= endpoint_count || tried_count_ >= kEndpointAttemptsMax) return false;
  if (cluster == nullptr) {
    address_ = dialled;
    ++tried_count_;
    return true;
  }
  const auto index =
      balance::PickLeastRequest(*cluster, worker.endpoint_loads(), worker.random().Next(),
                                absl::MakeConstSpan(tried_.data(), tried_count_));
  if (!index) return false;
  const model::Endpoint& endpoint = cluster->endpoints[*index];
  tried_[tried_count_++] = *index;
  address_ = endpoint.address;
  slot_ = endpoint.slot;
  worker.AddLoad(slot_);
  has_load_ = true;
  return true;
}

void EndpointChoice::ReleaseLoad(Worker& worker) {
  if (!has_load_) return;
  has_load_ = false;
  worker.RemoveLoad(slot_);
}

}  // namespace sluice::proxy
