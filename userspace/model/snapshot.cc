#include "userspace/model/snapshot.h"

#include "userspace/base/text.h"

namespace sluice::model {

const RouteTable* ServicePort::RoutesFor(std::string_view client_namespace) const {
  const auto consumer = consumer_routes.find(base::ToAbsl(client_namespace));
  return consumer != consumer_routes.end() ? consumer->second.get() : producer_routes.get();
}

const ServicePort* Snapshot::FindService(const base::SocketAddress& dialled) const {
  return services_.Find(dialled);
}

const ServicePort* Snapshot::FindServiceByName(std::string_view name) const {
  return services_by_name_.Find(base::ToAbsl(name));
}

const Workload* Snapshot::FindWorkload(const base::IpAddress& address) const {
  return workloads_.Find(address);
}

}  // namespace sluice::model
