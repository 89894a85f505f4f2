#include "controller/store/decode.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

// Kubernetes allows 1000 endpoints and 20000 ports; a file may hold what several slices would.
constexpr size_t kEndpointsMax = 100000;
constexpr size_t kSlicePortsMax = 20000;
constexpr size_t kEndpointAddressesMax = 100;

void DecodePorts(FieldReader& root, EndpointSlice& slice) {
  for (FieldReader& reader : root.Objects("ports", kSlicePortsMax)) {
    SlicePort port{.name = reader.String("name").value_or("")};
    const std::optional<int64_t> number = reader.Integer("port", kPortRange);
    if (!reader.Has("port")) {
      reader.Refuse("port", "is missing: a slice for every port is not supported",
                    "write the number that the endpoints listen on");
    }
    const bool is_tcp = DecodeIsTcp(reader);
    reader.Ignore({"appProtocol"});
    reader.NoteUnknown();
    if (!is_tcp || !number.has_value()) continue;
    port.port = static_cast<uint16_t>(*number);
    slice.ports.push_back(std::move(port));
  }
}

void DecodeTarget(FieldReader& reader, const ObjectMeta& meta, SliceEndpoint& endpoint) {
  std::optional<FieldReader> target = reader.Object("targetRef");
  if (!target.has_value() || target->String("kind") != "Pod") return;
  endpoint.pod_name = target->String("name").value_or("");
  endpoint.pod_namespace = target->String("namespace").value_or(meta.namespace_name);
}

void DecodeEndpoint(FieldReader& reader, EndpointSlice& slice) {
  SliceEndpoint endpoint;
  if (std::optional<FieldReader> conditions = reader.Object("conditions"); conditions.has_value()) {
    endpoint.is_ready = conditions->Boolean("ready").value_or(true);
    conditions->Ignore({"serving", "terminating"});
    conditions->NoteUnknown();
  }
  DecodeTarget(reader, slice.meta, endpoint);
  const std::vector<std::string> addresses = reader.StringList("addresses", kEndpointAddressesMax);
  reader.Ignore({"hostname", "nodeName", "zone", "hints", "deprecatedTopology"});
  reader.NoteUnknown();
  if (addresses.empty()) {
    if (!reader.report().is_refused()) {
      reader.Refuse("addresses", "is required and missing", "add one address");
    }
    return;
  }
  // The addresses of one endpoint are the same endpoint; like kube-proxy, the first is used.
  const auto address = DecodeAddress(reader, "addresses[0]", addresses.front());
  if (!address.has_value()) return;
  endpoint.address = *address;
  slice.endpoints.push_back(std::move(endpoint));
}

}  // namespace

EndpointSlice DecodeEndpointSlice(FieldReader& root, ObjectMeta meta) {
  EndpointSlice slice{.meta = std::move(meta)};
  const std::string type = root.RequiredString("addressType");
  if (type == "FQDN") {
    root.Refuse("addressType", "FQDN is not supported", "write IPv4 or IPv6 and addresses");
    return slice;
  }
  if (!type.empty() && type != "IPv4" && type != "IPv6") {
    root.Refuse("addressType", base::Concat(Quoted(type), " is not an address type"),
                "write IPv4 or IPv6");
  }
  const auto label = slice.meta.labels.find(std::string(kServiceNameLabel));
  if (label != slice.meta.labels.end()) slice.service_name = label->second;
  if (!IsDnsLabel(slice.service_name)) {
    root.Refuse(base::Concat("metadata.labels[", kServiceNameLabel, "]"),
                slice.service_name.empty()
                    ? "is missing: the slice belongs to no Service"
                    : base::Concat(Quoted(slice.service_name), " is not a Service name"),
                "write the name of the Service whose endpoints these are");
  }
  DecodePorts(root, slice);
  for (FieldReader& reader : root.Objects("endpoints", kEndpointsMax))
    DecodeEndpoint(reader, slice);
  for (const SliceEndpoint& endpoint : slice.endpoints) {
    if (endpoint.address.is_v4() == (type == "IPv4")) continue;
    root.Refuse("endpoints",
                base::Concat(endpoint.address.ToString(), " is not an ", type, " address"),
                "put IPv4 and IPv6 endpoints into slices of their own");
    break;
  }
  root.NoteUnknown();
  return slice;
}

}  // namespace sluice::controller
