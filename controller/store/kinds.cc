#include "controller/store/kinds.h"

#include <algorithm>
#include <array>

#include "controller/store/field_reader.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr std::string_view kGatewayGroup = "gateway.networking.k8s.io";
constexpr std::string_view kOwnGroup = "mesh.sluice.dev";

struct ReadKind {
  std::string_view kind;
  std::string_view version;  // As apiVersion has it.
};

constexpr std::array<ReadKind, 7> kReadKinds{{
    {"Pod", "v1"},
    {"Service", "v1"},
    {"EndpointSlice", "discovery.k8s.io/v1"},
    {"HTTPRoute", "gateway.networking.k8s.io/v1"},
    {"GRPCRoute", "gateway.networking.k8s.io/v1"},
    {"TLSRoute", "gateway.networking.k8s.io/v1"},
    {"TCPRoute", "gateway.networking.k8s.io/v1alpha2"},
}};
constexpr std::array<ReadKind, 5> kAlsoRead{{
    {"HTTPRoute", "gateway.networking.k8s.io/v1beta1"},
    {"TLSRoute", "gateway.networking.k8s.io/v1alpha2"},
    {"TLSRoute", "gateway.networking.k8s.io/v1alpha3"},
    {"TCPRoute", "gateway.networking.k8s.io/v1alpha3"},
    {"TCPRoute", "gateway.networking.k8s.io/v1"},
}};

// What else the core group has (Kubernetes 1.34). The group is closed: anything not here is
// misspelled.
constexpr std::array<std::string_view, 18> kOtherCoreKinds{
    "Binding",
    "ComponentStatus",
    "ConfigMap",
    "Endpoints",
    "Event",
    "LimitRange",
    "List",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodTemplate",
    "PodStatusResult",
    "RangeAllocation",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "ServiceAccount",
};

// Kinds of Gateway API that say nothing about traffic between services.
constexpr std::array<std::string_view, 5> kGatewaysOwnKinds{
    "Gateway", "GatewayClass", "BackendTLSPolicy", "ListenerSet", "XListenerSet"};

template <size_t kCount>
bool Contains(const std::array<std::string_view, kCount>& kinds, std::string_view kind) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

const ReadKind* FindReadKind(std::string_view kind) {
  const auto it = std::find_if(kReadKinds.begin(), kReadKinds.end(), [&](const ReadKind& read) {
    return LowerCase(read.kind) == LowerCase(kind);
  });
  return it == kReadKinds.end() ? nullptr : &*it;
}

std::string_view GroupOf(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == api_version.npos ? std::string_view() : api_version.substr(0, slash);
}

// Groups of Kubernetes itself: "apps", "networking.k8s.io". Others may well have a Pod or a Service
// of their own.
bool IsKubernetesGroup(std::string_view group) {
  return group.find('.') == group.npos || group.ends_with(".k8s.io");
}

KindVerdict Refused(std::string_view field, std::string reason, std::string mend) {
  return {.problem =
              KindProblem{.field = field, .reason = std::move(reason), .mend = std::move(mend)}};
}

// Of a kind whose name, up to upper and lower case, is one that is read.
KindVerdict JudgeReadKind(const ReadKind& read, std::string_view api_version,
                          std::string_view kind) {
  const std::string_view group = GroupOf(api_version);
  const bool is_group_right = group == GroupOf(read.version);
  if (!is_group_right && !IsKubernetesGroup(group)) return {};
  if (kind != read.kind) {
    return Refused("kind",
                   base::Concat(Quoted(kind), " is not a kind: upper and lower case matter"),
                   base::Concat("write ", read.kind));
  }
  const bool is_also_read = std::any_of(
      kAlsoRead.begin(), kAlsoRead.end(),
      [&](const ReadKind& also) { return kind == also.kind && api_version == also.version; });
  if (api_version == read.version || is_also_read) return {.is_read = true};
  return Refused("apiVersion", base::Concat(Quoted(api_version), " of ", kind, " is not read"),
                 base::Concat("write ", read.version));
}

}  // namespace

KindVerdict JudgeKind(std::string_view api_version, std::string_view kind) {
  if (kind.empty() || api_version.empty()) {
    return Refused(kind.empty() ? "kind" : "apiVersion", "is required and missing",
                   "write apiVersion and kind, for example v1 and Service");
  }
  if (const ReadKind* read = FindReadKind(kind); read != nullptr)
    return JudgeReadKind(*read, api_version, kind);
  const std::string_view group = GroupOf(api_version);
  if (group == kOwnGroup) {
    return Refused("kind", base::Concat(Quoted(kind), " is not a kind of ", group),
                   "check its spelling, or use a version of Sluice that has it");
  }
  if (group == kGatewayGroup && !Contains(kGatewaysOwnKinds, kind)) {
    return Refused(
        "kind", base::Concat(Quoted(kind), " of ", group, " is not read: it changes nothing here"),
        "check its spelling; of the routes this version reads HTTPRoute, GRPCRoute, TLSRoute and "
        "TCPRoute");
  }
  if (group.empty() && !Contains(kOtherCoreKinds, kind)) {
    return Refused("kind", base::Concat(Quoted(kind), " is not a kind of ", api_version),
                   "check its spelling, and that apiVersion names its group");
  }
  return {};
}

}  // namespace sluice::controller
