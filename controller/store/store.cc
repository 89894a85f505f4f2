#include "controller/store/store.h"

#include <iterator>
#include <utility>

#include "controller/store/decode.h"
#include "controller/store/kinds.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kTitlePartSizeMax = 253;

std::string StringOf(const Json& value, const char* name) {
  const auto it = value.find(name);
  return it != value.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// "Pod shop/web" before anything has been checked: for messages only.
std::string TitleOf(const Json& value, const std::string& kind) {
  std::string name, namespace_name;
  if (const auto metadata = value.find("metadata");
      metadata != value.end() && metadata->is_object()) {
    name = StringOf(*metadata, "name");
    namespace_name = StringOf(*metadata, "namespace");
  }
  if (name.empty()) return Shortened(kind, kTitlePartSizeMax);
  if (namespace_name.empty()) namespace_name = "default";
  return base::Concat(Shortened(kind, kTitlePartSizeMax), " ",
                      Shortened(namespace_name, kTitlePartSizeMax), "/",
                      Shortened(name, kTitlePartSizeMax));
}

bool IsList(const Json& value, const std::string& kind) {
  return kind.ends_with("List") && value.contains("items");
}

}  // namespace

void Store::Add(const Manifest& manifest) {
  const Json& value = manifest.value;
  if (value.is_null()) return;  // A document of comments only.
  if (!value.is_object()) {
    problems_.push_back({.file = manifest.origin.file,
                         .document = manifest.origin.document,
                         .reason = base::Concat(Shown(value), " is not a Kubernetes object"),
                         .mend = "write apiVersion, kind, metadata and spec"});
    return;
  }
  const std::string kind = StringOf(value, "kind");
  if (IsList(value, kind)) {
    AddList(manifest, kind);
  } else {
    AddObject(manifest.origin, value, StringOf(value, "apiVersion"), kind);
  }
}

void Store::AddList(const Manifest& manifest, const std::string& kind) {
  const Json& items = manifest.value["items"];
  if (items.is_null()) return;
  if (!items.is_array()) {
    problems_.push_back({.file = manifest.origin.file,
                         .document = manifest.origin.document,
                         .object = Shortened(kind, kTitlePartSizeMax),
                         .field = "items",
                         .reason = base::Concat("is ", Shown(items), ", not a list"),
                         .mend = "write a list of objects"});
    return;
  }
  // The items of a "PodList" may leave out what the list already says.
  const std::string item_kind = kind.substr(0, kind.size() - std::string_view("List").size());
  for (const Json& item : items) {
    if (!item.is_object()) {
      problems_.push_back({.file = manifest.origin.file,
                           .document = manifest.origin.document,
                           .object = Shortened(kind, kTitlePartSizeMax),
                           .field = "items",
                           .reason = base::Concat(Shown(item), " is not a Kubernetes object"),
                           .mend = "write apiVersion, kind, metadata and spec"});
      continue;
    }
    const bool has_own = item.contains("kind") || item_kind.empty();
    AddObject(manifest.origin, item, StringOf(has_own ? item : manifest.value, "apiVersion"),
              has_own ? StringOf(item, "kind") : item_kind);
  }
}

void Store::AddObject(const Origin& origin, const Json& value, const std::string& api_version,
                      const std::string& kind) {
  ObjectReport report(origin, TitleOf(value, kind));
  FieldReader root(value, "", report);
  const KindVerdict verdict = JudgeKind(api_version, kind);
  if (verdict.problem.has_value()) {
    report.Refuse(verdict.problem->field, verdict.problem->reason, verdict.problem->mend);
  } else if (!verdict.is_read) {
    ++ignored_count_;
  } else if (ObjectMeta meta = DecodeMeta(root, origin, kind); kind == "Pod") {
    Keep(pods_, DecodePod(root, std::move(meta)), report);
  } else if (kind == "Service") {
    Keep(services_, DecodeService(root, std::move(meta)), report);
  } else if (kind == "EndpointSlice") {
    Keep(slices_, DecodeEndpointSlice(root, std::move(meta)), report);
  } else if (kind == "GRPCRoute") {
    Keep(grpc_routes_, DecodeGrpcRoute(root, std::move(meta)), report);
  } else if (kind == "TLSRoute") {
    Keep(tls_routes_, DecodeConnectionRoute(root, std::move(meta), RouteKind::kTls), report);
  } else if (kind == "TCPRoute") {
    Keep(tcp_routes_, DecodeConnectionRoute(root, std::move(meta), RouteKind::kTcp), report);
  } else {
    Keep(http_routes_, DecodeHttpRoute(root, std::move(meta)), report);
  }
  std::vector<Problem> found = report.TakeProblems();
  problems_.insert(problems_.end(), std::make_move_iterator(found.begin()),
                   std::make_move_iterator(found.end()));
}

template <typename Object>
void Store::Keep(ObjectMap<Object>& objects, Object object, ObjectReport& report) {
  if (report.is_refused()) return;
  ObjectKey key{.namespace_name = object.meta.namespace_name, .name = object.meta.name};
  const auto [it, is_new] = objects.try_emplace(std::move(key), std::move(object));
  if (is_new) return;
  const Origin& first = it->second.meta.origin;
  report.Refuse("metadata.name",
                base::Concat("is already defined in ", first.file, ", document ", first.document,
                             ", which stays in force"),
                "remove one of the two, or give it another name or namespace");
}

}  // namespace sluice::controller
