#include "userspace/model/address_spec.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/model/limits.h"
#include "userspace/model/text.h"

namespace sluice::model {
namespace {

absl::Status Invalid(const std::string& reason) { return absl::InvalidArgumentError(reason); }

absl::Status CheckCount(const char* what, size_t count, size_t count_max) {
  if (count <= count_max) return absl::OkStatus();
  return Invalid(absl::StrCat(count, " ", what, ", at most ", count_max, " are allowed"));
}

absl::Status AppendAddress(const std::string& bytes, std::vector<base::IpAddress>& out) {
  const auto address = base::IpAddress::FromBytes(bytes);
  if (!address) {
    return Invalid(absl::StrCat("address 0x", absl::BytesToHexString(bytes.substr(0, 32)), " has ",
                                bytes.size(), " bytes, 4 or 16 are expected"));
  }
  // Capturing these would redirect what a pod says to itself.
  if (address->is_loopback() || address->is_unspecified()) {
    return Invalid(
        absl::StrCat("address ", address->ToString(), " is not one that a network can route to"));
  }
  if (std::find(out.begin(), out.end(), *address) == out.end()) out.push_back(*address);
  return absl::OkStatus();
}

absl::Status CheckPort(const char* field, uint32_t port) {
  if (IsPort(port)) return absl::OkStatus();
  return Invalid(absl::StrCat(field, " ", port, " is not a port, 1 to 65535 is expected"));
}

absl::StatusOr<std::map<uint16_t, uint16_t>> ParseTargets(const istio::workload::PortList& list) {
  SLUICE_RETURN_IF_ERROR(CheckCount("ports", list.ports_size(), AddressLimits::kPortsMax));
  std::map<uint16_t, uint16_t> targets;
  for (const auto& port : list.ports()) {
    SLUICE_RETURN_IF_ERROR(CheckPort("service_port", port.service_port()));
    SLUICE_RETURN_IF_ERROR(CheckPort("target_port", port.target_port()));
    const bool is_new = targets
                            .emplace(static_cast<uint16_t>(port.service_port()),
                                     static_cast<uint16_t>(port.target_port()))
                            .second;
    if (!is_new) return Invalid(absl::StrCat("service_port ", port.service_port(), " comes twice"));
  }
  return targets;
}

Protocol ProtocolOf(istio::workload::AppProtocol declared) {
  switch (declared) {
    case istio::workload::UNKNOWN:
      return Protocol::kAuto;
    case istio::workload::HTTP11:
      return Protocol::kHttp1;
    case istio::workload::HTTP2:
    case istio::workload::GRPC:
      return Protocol::kHttp2;
    default:
      return Protocol::kTcp;  // Also what a later control plane may declare: not ours to read.
  }
}

absl::Status ParsePorts(const istio::workload::Service& service,
                        std::vector<ServiceSpec::Port>& out) {
  SLUICE_RETURN_IF_ERROR(CheckCount("ports", service.ports_size(), AddressLimits::kPortsMax));
  for (const auto& port : service.ports()) {
    SLUICE_RETURN_IF_ERROR(CheckPort("service_port", port.service_port()));
    out.push_back({.port = static_cast<uint16_t>(port.service_port()),
                   .protocol = ProtocolOf(port.app_protocol())});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.port < b.port; });
  const auto twice = std::adjacent_find(
      out.begin(), out.end(), [](const auto& a, const auto& b) { return a.port == b.port; });
  if (twice != out.end())
    return Invalid(absl::StrCat("service_port ", twice->port, " comes twice"));
  return absl::OkStatus();
}

absl::Status Fill(const istio::workload::Service& service, ServiceSpec& spec) {
  if (!IsServiceName(spec.name)) {
    return Invalid(
        "namespace and hostname must be lower-case letters, digits, \"-\", \"_\" and \".\"");
  }
  SLUICE_RETURN_IF_ERROR(
      CheckCount("addresses", service.addresses_size(), AddressLimits::kVirtualAddressesMax));
  for (const auto& address : service.addresses()) {
    SLUICE_RETURN_IF_ERROR(AppendAddress(address.address(), spec.addresses));
  }
  return ParsePorts(service, spec.ports);
}

absl::Status Fill(const istio::workload::Workload& workload, WorkloadSpec& spec) {
  if (!IsVisible(spec.uid, kUidSizeMax)) return Invalid("uid must be visible ASCII and not empty");
  if (!IsName(spec.name)) return Invalid(absl::StrCat("name ", Quote(spec.name), " is not a name"));
  if (!IsName(spec.namespace_name)) {
    return Invalid(absl::StrCat("namespace ", Quote(spec.namespace_name), " is not a name"));
  }
  SLUICE_RETURN_IF_ERROR(
      CheckCount("addresses", workload.addresses_size(), AddressLimits::kWorkloadAddressesMax));
  for (const auto& address : workload.addresses()) {
    SLUICE_RETURN_IF_ERROR(AppendAddress(address, spec.addresses));
  }
  SLUICE_RETURN_IF_ERROR(
      CheckCount("services", workload.services_size(), AddressLimits::kServicesPerWorkloadMax));
  for (const auto& [service, ports] : workload.services()) {
    if (!IsServiceName(service)) {
      return Invalid(
          absl::StrCat("services key ", Quote(service), " is not \"namespace/hostname\""));
    }
    auto targets = ParseTargets(ports);
    if (!targets.ok()) return base::Wrap(targets.status(), absl::StrCat("services[", service, "]"));
    spec.services.emplace(service, *std::move(targets));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ServiceSpec> ParseService(const istio::workload::Service& service) {
  ServiceSpec spec{.name = absl::StrCat(service.namespace_(), "/", service.hostname())};
  const absl::Status status = Fill(service, spec);
  if (!status.ok()) return base::Wrap(status, absl::StrCat("service ", Quote(spec.name)));
  return spec;
}

absl::StatusOr<WorkloadSpec> ParseWorkload(const istio::workload::Workload& workload) {
  WorkloadSpec spec{.uid = workload.uid(),
                    .name = workload.name(),
                    .namespace_name = workload.namespace_(),
                    .is_healthy = workload.status() == istio::workload::HEALTHY};
  const absl::Status status = Fill(workload, spec);
  if (!status.ok()) return base::Wrap(status, absl::StrCat("workload ", Quote(spec.uid)));
  return spec;
}

}  // namespace sluice::model
