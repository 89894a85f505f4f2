#include <algorithm>
#include <set>

#include "controller/store/decode.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kServicePortsMax = 1024;
constexpr size_t kClusterIpsMax = 16;
constexpr size_t kIpFamiliesMax = 2;

void DecodeTargetPort(FieldReader& reader, ServicePort& port) {
  const Json* target = reader.Value("targetPort");
  if (target == nullptr) {
    port.target_port = port.port;
  } else if (target->is_string()) {
    port.target_port_name = target->get_ref<const std::string&>();
    if (IsDnsLabel(port.target_port_name)) return;
    reader.Refuse("targetPort", base::Concat(Shown(*target), " is not the name of a port"),
                  "write a number from 1 to 65535, or the name of a container's port");
  } else if (const auto number = reader.Integer("targetPort", kPortRange); number.has_value()) {
    port.target_port = static_cast<uint16_t>(*number);
  }
}

void DecodePorts(FieldReader& spec, Service& service) {
  std::set<uint16_t> seen;
  for (FieldReader& reader : spec.Objects("ports", kServicePortsMax)) {
    ServicePort port;
    if (!reader.Has("port")) reader.Refuse("port", "is required and missing", "add port");
    port.port = static_cast<uint16_t>(reader.Integer("port", kPortRange).value_or(0));
    port.name = reader.String("name").value_or("");
    if (!port.name.empty() && !IsDnsLabel(port.name)) {
      reader.Refuse("name", base::Concat(Quoted(port.name), " is not a valid port name"),
                    "use lower case letters, digits and '-'");
    }
    port.app_protocol = reader.String("appProtocol").value_or("");
    DecodeTargetPort(reader, port);
    const bool is_tcp = DecodeIsTcp(reader);
    reader.Ignore({"nodePort"});
    reader.NoteUnknown();
    if (!is_tcp || port.port == 0) continue;
    if (!seen.insert(port.port).second) {
      reader.Refuse("port", base::Concat(port.port, " is written twice"),
                    "give every TCP port once");
    }
    service.ports.push_back(std::move(port));
  }
}

void DecodeClusterIps(FieldReader& spec, Service& service) {
  std::vector<std::pair<std::string, std::string>> texts;
  if (const auto text = spec.String("clusterIP"); text.has_value() && !text->empty()) {
    texts.emplace_back("clusterIP", *text);
  }
  const std::vector<std::string> list = spec.StringList("clusterIPs", kClusterIpsMax);
  for (size_t i = 0; i < list.size(); ++i) {
    texts.emplace_back(base::Concat("clusterIPs[", i, "]"), list[i]);
  }
  if (texts.empty()) {
    service.kind = ServiceKind::kUnassigned;
    return;
  }
  for (const auto& [name, text] : texts) {
    if (text == "None") {
      service.kind = ServiceKind::kHeadless;
      continue;
    }
    const std::optional<base::IpAddress> address = DecodeAddress(spec, name, text);
    auto& known = service.addresses;
    if (address.has_value() && std::find(known.begin(), known.end(), *address) == known.end()) {
      known.push_back(*address);
    }
  }
  if (service.kind == ServiceKind::kHeadless && !service.addresses.empty()) {
    spec.Refuse("clusterIPs", "has None beside an address", "write either None or addresses");
  }
}

// No pod can have a label like that, so the Service would be silently empty.
void DecodeSelector(FieldReader& spec, Service& service) {
  service.selector = spec.Strings("selector");
  for (const auto& [name, value] : service.selector) {
    if (!IsLabelName(name)) {
      spec.Refuse(
          "selector", base::Concat(Quoted(name), " is not the name of a label"),
          "write letters, digits, '-', '_' and '.', at most 63, after an optional prefix and '/'");
    } else if (!IsLabelValue(value)) {
      spec.Refuse(base::Concat("selector[", name, "]"),
                  base::Concat(Quoted(value), " is not the value of a label"),
                  "write at most 63 letters, digits, '-', '_' and '.'");
    }
  }
}

void DecodeIpFamilies(FieldReader& spec) {
  for (const std::string& family : spec.StringList("ipFamilies", kIpFamiliesMax)) {
    if (family == "IPv4" || family == "IPv6") continue;
    spec.Refuse("ipFamilies", base::Concat(Quoted(family), " is not a family of addresses"),
                "write IPv4 or IPv6");
  }
}

// As Kubernetes has it: only a Service that is a name and nothing more may be without ports.
void RequirePorts(FieldReader& spec, const Service& service, std::string_view type) {
  const Json* ports = spec.Value("ports");
  const bool is_empty = ports == nullptr || (ports->is_array() && ports->empty());
  if (!is_empty || type == "ExternalName" || service.kind == ServiceKind::kHeadless) return;
  spec.Refuse("ports", "is empty: a Service needs at least one port", "add a port");
}

// Fields that mean something to Kubernetes' own proxy and are not followed yet: said, not passed
// over.
void NoteUnsupported(FieldReader& spec) {
  const std::string affinity = spec.String("sessionAffinity").value_or("None");
  if (affinity != "None" && affinity != "ClientIP") {
    spec.Refuse("sessionAffinity", base::Concat(Quoted(affinity), " is not a session affinity"),
                "write None or ClientIP");
  } else if (affinity == "ClientIP") {
    spec.report().Note(spec.PathOf("sessionAffinity"),
                       "is not supported yet: each request or connection chooses anew",
                       "remove it if that will do");
  }
  if (spec.Boolean("publishNotReadyAddresses").value_or(false)) {
    spec.report().Note(spec.PathOf("publishNotReadyAddresses"),
                       "is not supported yet: pods that are not ready get no traffic",
                       "remove it if that will do");
  }
}

}  // namespace

Service DecodeService(FieldReader& root, ObjectMeta meta) {
  Service service{.meta = std::move(meta)};
  if (!service.meta.name.empty() && !IsDnsLabel(service.meta.name)) {
    root.Refuse("metadata.name", base::Concat(Quoted(service.meta.name), " is not a Service name"),
                "use at most 63 lower case letters, digits and '-'");
  }
  root.Ignore({"spec", "status"});
  root.NoteUnknown();
  std::optional<FieldReader> spec = root.Object("spec");
  if (!spec.has_value()) {
    root.Refuse("spec", "is required and missing", "add spec with ports");
    return service;
  }
  const std::string type = spec->String("type").value_or("ClusterIP");
  const bool is_known =
      type == "ClusterIP" || type == "NodePort" || type == "LoadBalancer" || type == "ExternalName";
  if (!is_known) {
    spec->Refuse("type", base::Concat(Quoted(type), " is not a type of Service"),
                 "write ClusterIP, or leave it out");
  }
  DecodeClusterIps(*spec, service);
  DecodePorts(*spec, service);
  DecodeSelector(*spec, service);
  DecodeIpFamilies(*spec);
  NoteUnsupported(*spec);
  RequirePorts(*spec, service, type);
  if (type == "ExternalName") {
    service.kind = ServiceKind::kExternalName;
    service.addresses.clear();
  }
  spec->Ignore({"externalName", "sessionAffinityConfig", "externalIPs", "externalTrafficPolicy",
                "internalTrafficPolicy", "ipFamilyPolicy", "healthCheckNodePort", "loadBalancerIP",
                "loadBalancerClass", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts",
                "trafficDistribution"});
  spec->NoteUnknown();
  return service;
}

}  // namespace sluice::controller
