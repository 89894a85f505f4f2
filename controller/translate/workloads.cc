#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/store/decode.h"
#include "controller/translate/internal.h"
#include "userspace/base/mesh_ports.h"
#include "userspace/base/text.h"
#include "userspace/model/limits.h"

namespace sluice::controller {
namespace {

using istio::workload::Workload;

// Workloads in the making, found by the pod's key or by address.
struct Book {
  std::map<std::string, Workload> by_uid;
  std::map<base::IpAddress, std::string> uid_of_address;
  std::map<std::string, std::string> pod_of_netns;  // Path -> title.
  // Pods by one label: what makes 1,000 Services over 10,000 pods a matter of milliseconds.
  std::unordered_map<std::string, std::vector<const ObjectMap<Pod>::value_type*>> pods_by_label;
};

bool IsEndpoint(const Pod& pod) { return !pod.meta.is_deleting && !pod.is_finished; }

// Both keep it: the Service answers on its ports, the pod on all others.
void ReportServiceAt(const Draft& draft, const Pod& pod, const base::IpAddress& address) {
  const auto found = draft.service_of_address.find(address);
  if (found == draft.service_of_address.end()) return;
  draft.Report(pod.meta, "status.podIP",
               base::Concat(address.ToString(), " is also the address of ",
                            found->second->meta.Title(), ", which answers on its ports instead"),
               "give the Service a clusterIP that no pod has");
}

void ClaimAddresses(const Draft& draft, const Pod& pod, const std::string& uid, Workload& workload,
                    Book& book) {
  for (const base::IpAddress& address : pod.addresses) {
    const auto [owner, is_new] = book.uid_of_address.emplace(address, uid);
    if (is_new) {
      ReportServiceAt(draft, pod, address);
      workload.add_addresses(address.ToBytes());
      continue;
    }
    draft.Report(
        pod.meta, "status.podIP",
        base::Concat(address.ToString(), " already belongs to ", owner->second, ", which keeps it"),
        "give each pod an address of its own");
  }
}

void EnrolPod(const Draft& draft, const Pod& pod, const Workload& workload, Book& book) {
  if (pod.netns_path.empty()) return;
  const std::string field = base::Concat("metadata.annotations[", kNetnsAnnotation, "]");
  if (workload.addresses().empty()) {
    draft.Report(pod.meta, pod.addresses.empty() ? "status.podIP" : field,
                 pod.addresses.empty() ? "is missing: an enrolled pod needs its addresses"
                                       : "none of the pod's addresses is its own",
                 "write status.podIP, and podIPs if it has several");
    return;
  }
  const auto [owner, is_new] = book.pod_of_netns.emplace(pod.netns_path, pod.meta.Title());
  if (!is_new) {
    draft.Report(pod.meta, field,
                 base::Concat(pod.netns_path, " is already the namespace of ", owner->second),
                 "name the namespace file of this pod");
    return;
  }
  sluice::discovery::v1::LocalPod& local = draft.out.local_pods[workload.uid()];
  local.set_workload_uid(workload.uid());
  local.set_netns_path(pod.netns_path);
}

std::string LabelKey(const std::string& namespace_name,
                     const std::pair<const std::string, std::string>& label) {
  return base::Concat(namespace_name, "/", label.first, "=", label.second);
}

istio::workload::Acceleration WishOf(const Pod& pod) {
  switch (pod.acceleration) {
    case Acceleration::kUnspecified:
      break;
    case Acceleration::kOff:
      return istio::workload::ACCELERATION_OFF;
    case Acceleration::kFull:
      return istio::workload::ACCELERATION_FULL;
  }
  return istio::workload::ACCELERATION_UNSPECIFIED;
}

void AddPod(const Draft& draft, const ObjectKey& key, const Pod& pod, Book& book) {
  if (pod.is_finished) return;
  Workload workload;
  workload.set_uid(draft.WorkloadUid(key));
  workload.set_name(key.name);
  workload.set_namespace_(key.namespace_name);
  workload.set_service_account(pod.service_account);
  workload.set_node(pod.netns_path.empty() ? pod.node : draft.options.node);
  // A pod that is going away keeps its name and address for the connections it has, and gets no new
  // ones.
  const bool is_healthy = pod.is_ready && !pod.meta.is_deleting;
  workload.set_status(is_healthy ? istio::workload::HEALTHY : istio::workload::UNHEALTHY);
  workload.set_acceleration(WishOf(pod));
  ClaimAddresses(draft, pod, workload.uid(), workload, book);
  EnrolPod(draft, pod, workload, book);
  std::string uid = workload.uid();
  book.by_uid.emplace(std::move(uid), std::move(workload));
}

// The number that a Service port leads to in this pod; 0 if its name is not one of the pod's ports.
uint16_t TargetPort(const ServicePort& port, const Pod& pod) {
  if (port.target_port != 0) return port.target_port;
  for (const PodPort& known : pod.ports) {
    if (known.name == port.target_port_name) return known.port;
  }
  return 0;
}

// Adds a port unless the endpoint has it already: slices may overlap.
void AddPort(Workload& workload, const std::string& service, uint16_t service_port,
             uint16_t target_port, istio::workload::AppProtocol protocol) {
  istio::workload::PortList& list = (*workload.mutable_services())[service];
  for (const istio::workload::Port& port : list.ports()) {
    if (port.service_port() == service_port) return;
  }
  istio::workload::Port& port = *list.add_ports();
  port.set_service_port(service_port);
  port.set_target_port(target_port);
  port.set_app_protocol(protocol);
}

// What a Service adds to a workload's message at most: its name, and each port with its envelope.
size_t ServiceSizeMax(const Draft& draft, const ObjectKey& key, const Service& service) {
  constexpr size_t kEnvelopeSize = 16;
  constexpr size_t kPortSizeMax = 16;
  return draft.ServiceName(key).size() + kEnvelopeSize + service.ports.size() * kPortSizeMax;
}

// The node refuses a workload over its limits as a whole, so that Services which worked would be
// lost.
bool HasRoomForService(const Draft& draft, const ObjectMeta& meta, const Workload& workload,
                       size_t size) {
  constexpr size_t kCountMax = model::AddressLimits::kServicesPerWorkloadMax;
  const bool is_count_over = workload.services().size() >= kCountMax;
  if (!is_count_over && workload.ByteSizeLong() + size <= model::kResourceSizeMax) return true;
  draft.Report(meta, "spec.selector",
               is_count_over
                   ? base::Concat(workload.uid(), " already serves ", kCountMax, " Services")
                   : base::Concat("with it ", workload.uid(), " would take more than ",
                                  model::kResourceSizeMax, " bytes; it already serves ",
                                  workload.services().size(), " Services"),
               "select fewer pods, or join Services");
  return false;
}

// What the Service says after routes have made some ports HTTP.
istio::workload::AppProtocol FinalProtocol(const Draft& draft, const std::string& service,
                                           uint16_t service_port) {
  for (const istio::workload::Port& port : draft.out.addresses[service].service().ports()) {
    if (port.service_port() == service_port) return port.app_protocol();
  }
  return istio::workload::UNKNOWN;
}

bool IsSelected(const Service& service, const Pod& pod) {
  return std::all_of(service.selector.begin(), service.selector.end(), [&pod](const auto& wanted) {
    const auto it = pod.meta.labels.find(wanted.first);
    return it != pod.meta.labels.end() && it->second == wanted.second;
  });
}

// Requires: the Service has a selector.
void AddSelected(const Draft& draft, const ObjectKey& key, const Service& service, Book& book) {
  const std::string name = draft.ServiceName(key);
  std::set<std::string> unresolved;
  const auto candidates =
      book.pods_by_label.find(LabelKey(key.namespace_name, *service.selector.begin()));
  if (candidates == book.pods_by_label.end()) return;
  for (const auto* entry : candidates->second) {
    const Pod& pod = entry->second;
    if (!IsEndpoint(pod) || !IsSelected(service, pod)) continue;
    Workload& workload = book.by_uid[draft.WorkloadUid(entry->first)];
    if (!HasRoomForService(draft, service.meta, workload, ServiceSizeMax(draft, key, service)))
      continue;
    for (const ServicePort& port : service.ports) {
      const uint16_t target_port = TargetPort(port, pod);
      if (target_port == 0) {
        unresolved.insert(port.target_port_name);
        continue;
      }
      AddPort(workload, name, port.port, target_port, FinalProtocol(draft, name, port.port));
    }
  }
  for (const std::string& port : unresolved) {
    draft.Report(
        service.meta, "spec.ports",
        base::Concat("targetPort \"", port, "\" is not the name of a port in every selected pod; ",
                     "the pods without it get no requests there"),
        "add the name to the containers' ports, or write the number");
  }
}

// The workload of an endpoint: the pod it names, the pod with its address, or one made for the
// address.
Workload* FindOrMake(const Draft& draft, const EndpointSlice& slice, const SliceEndpoint& endpoint,
                     Book& book) {
  const ObjectKey pod{.namespace_name = endpoint.pod_namespace, .name = endpoint.pod_name};
  if (const auto it = draft.store.pods().find(pod); it != draft.store.pods().end()) {
    if (!IsEndpoint(it->second)) return nullptr;
    const auto& own = it->second.addresses;
    if (std::find(own.begin(), own.end(), endpoint.address) != own.end()) {
      return &book.by_uid[draft.WorkloadUid(pod)];
    }
    draft.Report(slice.meta, "endpoints",
                 base::Concat(endpoint.address.ToString(), " is not an address of Pod ",
                              pod.namespace_name, "/", pod.name, ", which targetRef names"),
                 "write the pod's address, or remove targetRef");
    return nullptr;
  }
  const auto owner = book.uid_of_address.find(endpoint.address);
  if (owner != book.uid_of_address.end()) return &book.by_uid[owner->second];
  Workload workload;
  workload.set_uid(base::Concat(draft.options.cluster, "/discovery.k8s.io/EndpointSlice/",
                                slice.meta.namespace_name, "/", slice.meta.name, "/",
                                endpoint.address.ToString()));
  std::string name = base::Concat(slice.service_name, "-", endpoint.address.ToString());
  std::replace(name.begin(), name.end(), ':',
               '-');  // Names go into labels; the node refuses colons.
  workload.set_name(std::move(name));
  workload.set_namespace_(slice.meta.namespace_name);
  workload.add_addresses(endpoint.address.ToBytes());
  book.uid_of_address.emplace(endpoint.address, workload.uid());
  return &(book.by_uid[workload.uid()] = workload);
}

void AddSlice(const Draft& draft, const EndpointSlice& slice, const ObjectKey& key,
              const Service& service, Book& book) {
  const std::string name = draft.ServiceName(key);
  const size_t size = ServiceSizeMax(draft, key, service);
  for (const SliceEndpoint& endpoint : slice.endpoints) {
    if (!endpoint.is_ready) continue;
    Workload* workload = FindOrMake(draft, slice, endpoint, book);
    if (workload == nullptr || !HasRoomForService(draft, slice.meta, *workload, size)) continue;
    for (const SlicePort& target : slice.ports) {
      for (const ServicePort& port : service.ports) {
        if (port.name != target.name) continue;
        AddPort(*workload, name, port.port, target.port, FinalProtocol(draft, name, port.port));
      }
    }
  }
}

// The node's proxy refuses endpoints on the mesh's own ports.
void ReportMeshPorts(const Draft& draft, const ObjectKey& key, const Service& service,
                     const Book& book) {
  const std::string name = draft.ServiceName(key);
  std::map<uint32_t, std::pair<uint32_t, std::string>> found;  // By service port: target, pod.
  for (const auto& [uid, local] : draft.out.local_pods) {
    const auto workload = book.by_uid.find(uid);
    if (workload == book.by_uid.end()) continue;
    const auto served = workload->second.services().find(name);
    if (served == workload->second.services().end()) continue;
    for (const istio::workload::Port& port : served->second.ports()) {
      if (base::IsMeshPort(port.target_port()))
        found.try_emplace(port.service_port(), port.target_port(), workload->second.name());
    }
  }
  for (size_t i = 0; i < service.ports.size(); ++i) {
    const auto refused = found.find(service.ports[i].port);
    if (refused == found.end()) continue;
    draft.Report(service.meta, base::Concat("spec.ports[", i, "].targetPort"),
                 base::Concat("port ", refused->second.first, " of Pod ", refused->second.second,
                              " is the mesh's own; requests for it are refused"),
                 base::Concat("let the application listen on another port than ",
                              base::kOutboundPort, " and ", base::kInboundPort, ", and name that"));
  }
}

// The oldest first: where there is no room for all, those that came last are left out.
std::vector<const ObjectMap<Service>::value_type*> ByAge(const ObjectMap<Service>& services) {
  std::vector<const ObjectMap<Service>::value_type*> out;
  out.reserve(services.size());
  for (const auto& entry : services) out.push_back(&entry);
  std::stable_sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
    return a->second.meta.created < b->second.meta.created;
  });
  return out;
}

}  // namespace

void TranslateWorkloads(Draft& draft) {
  Book book;
  for (const auto& entry : draft.store.pods()) {
    const auto& [key, pod] = entry;
    AddPod(draft, key, pod, book);
    for (const auto& label : pod.meta.labels) {
      book.pods_by_label[LabelKey(key.namespace_name, label)].push_back(&entry);
    }
  }
  std::set<ObjectKey> services_with_slices;
  for (const auto& [key, slice] : draft.store.slices()) {
    const ObjectKey service_key{.namespace_name = key.namespace_name, .name = slice.service_name};
    const auto service = draft.store.services().find(service_key);
    if (service == draft.store.services().end()) {
      draft.Report(slice.meta, base::Concat("metadata.labels[", kServiceNameLabel, "]"),
                   base::Concat("Service ", service_key.namespace_name, "/", service_key.name,
                                " does not exist"),
                   "add the Service, or name an existing one");
      continue;
    }
    services_with_slices.insert(service_key);
    if (service->second.kind == ServiceKind::kExternalName) continue;
    AddSlice(draft, slice, service_key, service->second, book);
  }
  for (const auto* entry : ByAge(draft.store.services())) {
    const auto& [key, service] = *entry;
    if (services_with_slices.contains(key) || service.selector.empty()) continue;
    if (service.kind == ServiceKind::kExternalName) continue;
    AddSelected(draft, key, service, book);
  }
  for (const auto& [key, service] : draft.store.services())
    ReportMeshPorts(draft, key, service, book);
  for (auto& [uid, workload] : book.by_uid) {
    *draft.out.addresses[uid].mutable_workload() = std::move(workload);
  }
}

}  // namespace sluice::controller
