#include "bench/micro/many_services.h"

#include <string>

#include "userspace/base/address.h"
#include "userspace/base/text.h"

namespace sluice::bench {

istio::workload::Address MakeService(int number) {
  istio::workload::Address address;
  istio::workload::Service& service = *address.mutable_service();
  service.set_namespace_("shop");
  service.set_hostname(base::Concat("s", number));
  const std::string ip = base::Concat("10.99.", number / 250, ".", number % 250 + 1);
  service.add_addresses()->set_address(base::IpAddress::Parse(ip).value().ToBytes());
  istio::workload::Port& port = *service.add_ports();
  port.set_service_port(80);
  port.set_app_protocol(istio::workload::HTTP11);
  return address;
}

istio::workload::Address MakeWorkload(int serial, bool is_healthy) {
  istio::workload::Address address;
  istio::workload::Workload& workload = *address.mutable_workload();
  workload.set_uid(base::Concat("standalone//Pod/shop/p", serial));
  workload.set_namespace_("shop");
  workload.set_name(base::Concat("p", serial));
  const std::string ip = base::Concat("10.64.", serial / 250, ".", serial % 250 + 1);
  workload.add_addresses(base::IpAddress::Parse(ip).value().ToBytes());
  workload.set_status(is_healthy ? istio::workload::HEALTHY : istio::workload::UNHEALTHY);
  const std::string service = base::Concat("shop/s", serial / kEndpointsEach);
  istio::workload::Port& port = *(*workload.mutable_services())[service].add_ports();
  port.set_service_port(80);
  port.set_target_port(8080);
  return address;
}

void PutManyServices(model::SnapshotBuilder& builder) {
  for (int number = 0; number < kServices; ++number) builder.PutAddress(MakeService(number));
  for (int serial = 0; serial < kServices * kEndpointsEach; ++serial) {
    builder.PutAddress(MakeWorkload(serial, true));
  }
}

}  // namespace sluice::bench
