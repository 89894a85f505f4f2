// What routes of all kinds are written with.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "controller/store/field_reader.h"
#include "controller/store/objects.h"

namespace sluice::controller {

// The limits of the Gateway API schema: a route that a cluster would refuse is refused here too.
inline constexpr size_t kRouteRulesMax = 16;
inline constexpr size_t kRouteMatchesMax = 64;
inline constexpr size_t kRouteBackendsMax = 16;
inline constexpr size_t kRouteHostnamesMax = 16;

// The `spec` of a route, with its `parentRefs` read into `route`. Nothing if it is missing, which
// is reported.
std::optional<FieldReader> DecodeRouteSpec(FieldReader& root, HttpRoute& route);
// One of the `backendRefs` of a rule but for its filters; the caller ends with NoteUnknown.
BackendRef DecodeBackendRef(FieldReader& reader, const ObjectMeta& meta);
// The `backendRefs` of a rule of an HTTPRoute or GRPCRoute.
std::vector<BackendRef> DecodeBackends(FieldReader& rule, const ObjectMeta& meta, RouteKind kind);
// The `name` of a rule; by default its place.
std::string DecodeRuleName(FieldReader& rule, size_t index);
// Fields of a rule that Gateway API has and that are not followed.
void NoteUnsupportedInRule(FieldReader& rule);

}  // namespace sluice::controller
