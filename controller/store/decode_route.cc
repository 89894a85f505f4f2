#include "controller/store/decode_route.h"

#include "controller/store/decode.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kParentsMax = 32;
constexpr IntegerRange kWeightRange{.min = 0, .max = 1000000};

void CheckReference(const FieldReader& reader, const std::string& name,
                    const std::string& namespace_name) {
  if (!name.empty() && !IsDnsSubdomain(name)) {
    reader.Refuse("name", base::Concat(Quoted(name), " is not a valid name"),
                  "write the name of the object without its namespace");
  }
  if (!IsDnsLabel(namespace_name)) {
    reader.Refuse("namespace", base::Concat(Quoted(namespace_name), " is not a valid namespace"),
                  "use lower case letters, digits and '-'");
  }
}

ParentRef DecodeParent(FieldReader& reader, const ObjectMeta& meta) {
  ParentRef parent{.path = reader.path()};
  parent.group = reader.String("group");
  parent.kind = reader.String("kind").value_or("Gateway");
  parent.name = reader.RequiredString("name");
  parent.namespace_name = reader.String("namespace").value_or(meta.namespace_name);
  parent.section_name = reader.String("sectionName").value_or("");
  parent.port = static_cast<uint16_t>(reader.Integer("port", kPortRange).value_or(0));
  reader.NoteUnknown();
  CheckReference(reader, parent.name, parent.namespace_name);
  return parent;
}

std::vector<ParentRef> DecodeParents(FieldReader& spec, const ObjectMeta& meta) {
  std::vector<ParentRef> parents;
  for (FieldReader& parent : spec.Objects("parentRefs", kParentsMax)) {
    parents.push_back(DecodeParent(parent, meta));
  }
  return parents;
}

}  // namespace

std::optional<FieldReader> DecodeRouteSpec(FieldReader& root, HttpRoute& route) {
  root.Ignore({"spec", "status"});
  root.NoteUnknown();
  std::optional<FieldReader> spec = root.Object("spec");
  if (spec.has_value()) {
    route.parents = DecodeParents(*spec, route.meta);
  } else {
    root.Refuse("spec", "is required and missing", "add spec with parentRefs and rules");
  }
  return spec;
}

BackendRef DecodeBackendRef(FieldReader& reader, const ObjectMeta& meta) {
  BackendRef backend{.path = reader.path()};
  backend.group = reader.String("group").value_or("");
  backend.kind = reader.String("kind").value_or("Service");
  backend.name = reader.RequiredString("name");
  backend.namespace_name = reader.String("namespace").value_or(meta.namespace_name);
  backend.port = static_cast<uint16_t>(reader.Integer("port", kPortRange).value_or(0));
  backend.weight = static_cast<uint32_t>(reader.Integer("weight", kWeightRange).value_or(1));
  CheckReference(reader, backend.name, backend.namespace_name);
  return backend;
}

std::vector<BackendRef> DecodeBackends(FieldReader& rule, const ObjectMeta& meta, RouteKind kind) {
  std::vector<BackendRef> backends;
  for (FieldReader& reader : rule.Objects("backendRefs", kRouteBackendsMax)) {
    BackendRef& backend = backends.emplace_back(DecodeBackendRef(reader, meta));
    backend.filters = DecodeFilters(reader, kind);
    reader.NoteUnknown();
  }
  return backends;
}

std::string DecodeRuleName(FieldReader& rule, size_t index) {
  std::string name = rule.String("name").value_or("");
  if (name.empty()) name = base::Concat("rule-", index);
  if (!IsDnsSubdomain(name)) {
    rule.Refuse("name", base::Concat(Quoted(name), " is not a valid name"),
                "use lower case letters, digits and '-'");
  }
  return name;
}

void NoteUnsupportedInRule(FieldReader& rule) {
  for (const std::string_view name : {"retry", "sessionPersistence"}) {
    if (!rule.Has(name)) continue;
    rule.report().Note(rule.PathOf(name), "is not supported yet and is ignored", "remove it");
  }
}

}  // namespace sluice::controller
