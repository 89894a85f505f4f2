#include <algorithm>

#include "controller/store/decode.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kContainersMax = 256;
constexpr size_t kContainerPortsMax = 256;
constexpr size_t kConditionsMax = 64;
constexpr size_t kPodAddressesMax = 16;
constexpr size_t kPathSizeMax = 4095;  // PATH_MAX without the final zero.

void DecodeContainerPorts(FieldReader& container, Pod& pod) {
  for (FieldReader& port : container.Objects("ports", kContainerPortsMax)) {
    const std::optional<int64_t> number = port.Integer("containerPort", kPortRange);
    if (!port.Has("containerPort")) {
      port.Refuse("containerPort", "is required and missing", "add containerPort");
    }
    const std::string name = port.String("name").value_or("");
    const bool is_tcp = DecodeIsTcp(port);
    port.Ignore({"hostPort", "hostIP"});
    port.NoteUnknown();
    if (is_tcp && number.has_value()) {
      pod.ports.push_back({.name = name, .port = static_cast<uint16_t>(*number)});
    }
  }
}

void DecodeSpec(FieldReader& root, Pod& pod) {
  std::optional<FieldReader> spec = root.Object("spec");
  if (!spec.has_value()) return;
  pod.is_host_network = spec->Boolean("hostNetwork").value_or(false);
  pod.service_account = spec->String("serviceAccountName").value_or("");
  pod.node = spec->String("nodeName").value_or("");
  for (FieldReader& container : spec->Objects("containers", kContainersMax)) {
    DecodeContainerPorts(container, pod);
  }
  for (FieldReader& container : spec->Objects("initContainers", kContainersMax)) {
    // Only those that keep running beside the others, as Kubernetes resolves named ports.
    if (container.String("restartPolicy") == "Always") DecodeContainerPorts(container, pod);
  }
}

void AddAddress(const FieldReader& reader, std::string_view name, const std::string& text,
                Pod& pod) {
  const std::optional<base::IpAddress> address = DecodeAddress(reader, name, text);
  if (!address.has_value()) return;
  if (std::find(pod.addresses.begin(), pod.addresses.end(), *address) != pod.addresses.end())
    return;
  pod.addresses.push_back(*address);
}

bool DecodeReady(FieldReader& status) {
  bool is_ready = true;
  for (FieldReader& condition : status.Objects("conditions", kConditionsMax)) {
    if (condition.String("type") != "Ready") continue;
    is_ready = condition.String("status") == "True";
  }
  return is_ready;
}

void DecodeStatus(FieldReader& root, Pod& pod) {
  std::optional<FieldReader> status = root.Object("status");
  if (!status.has_value()) return;
  if (const std::optional<std::string> text = status->String("podIP"); text.has_value()) {
    if (!text->empty()) AddAddress(*status, "podIP", *text, pod);
  }
  for (FieldReader& entry : status->Objects("podIPs", kPodAddressesMax)) {
    const std::string text = entry.RequiredString("ip");
    entry.NoteUnknown();
    if (!text.empty()) AddAddress(entry, "ip", text, pod);
  }
  const std::string phase = status->String("phase").value_or("");
  pod.is_finished = phase == "Succeeded" || phase == "Failed";
  pod.is_ready = DecodeReady(*status);
}

void DecodeNetns(FieldReader& root, Pod& pod) {
  const auto it = pod.meta.annotations.find(std::string(kNetnsAnnotation));
  if (it == pod.meta.annotations.end()) return;
  const std::string field = base::Concat("metadata.annotations[", kNetnsAnnotation, "]");
  const std::string& path = it->second;
  if (!path.starts_with('/') || path.size() > kPathSizeMax || HasControlBytes(path)) {
    root.Refuse(field, base::Concat(Quoted(path), " is not an absolute path"),
                "name the namespace file of the running pod, for example /run/netns/web");
    return;
  }
  if (pod.is_host_network) {
    root.report().Note(field,
                       "the pod has hostNetwork: its namespace is the node's and is not enrolled",
                       "remove the annotation, or hostNetwork");
    return;
  }
  pod.netns_path = path;
}

// A bad value keeps the pod in the mesh and off the kernel path: whoever wrote it cared, and plain
// TCP is right for every application.
void DecodeAcceleration(FieldReader& root, Pod& pod) {
  const auto it = pod.meta.annotations.find(std::string(kAccelerationAnnotation));
  if (it == pod.meta.annotations.end()) return;
  pod.acceleration = it->second == "full" ? Acceleration::kFull : Acceleration::kOff;
  if (it->second == "full" || it->second == "off") return;
  root.report().Note(
      base::Concat("metadata.annotations[", kAccelerationAnnotation, "]"),
      base::Concat(Quoted(it->second), " is neither \"off\" nor \"full\"; off is used"),
      "write \"off\" or \"full\", in quotes, or remove the annotation to have what the node's "
      "--acceleration says");
}

}  // namespace

Pod DecodePod(FieldReader& root, ObjectMeta meta) {
  Pod pod{.meta = std::move(meta)};
  DecodeSpec(root, pod);
  DecodeStatus(root, pod);
  DecodeNetns(root, pod);
  DecodeAcceleration(root, pod);
  root.NoteUnknown();
  return pod;
}

}  // namespace sluice::controller
