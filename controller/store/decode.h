// From a manifest's JSON value to a typed object. Each decoder says everything that is wrong
// through the reader's report; its result is only to be used if the report has not refused the
// object. Thread: any.
#pragma once

#include <string_view>
#include <vector>

#include "controller/store/field_reader.h"
#include "controller/store/objects.h"

namespace sluice::controller {

inline constexpr std::string_view kNetnsAnnotation = "sluice.dev/netns";
inline constexpr std::string_view kAccelerationAnnotation = "sluice.dev/acceleration";
inline constexpr std::string_view kServiceNameLabel = "kubernetes.io/service-name";

ObjectMeta DecodeMeta(FieldReader& root, const Origin& origin, std::string_view kind);
Pod DecodePod(FieldReader& root, ObjectMeta meta);
Service DecodeService(FieldReader& root, ObjectMeta meta);
EndpointSlice DecodeEndpointSlice(FieldReader& root, ObjectMeta meta);
HttpRoute DecodeHttpRoute(FieldReader& root, ObjectMeta meta);
HttpRoute DecodeGrpcRoute(FieldReader& root, ObjectMeta meta);
// A TLSRoute or a TCPRoute.
HttpRoute DecodeConnectionRoute(FieldReader& root, ObjectMeta meta, RouteKind kind);

// An address that a pod, a service or an endpoint may have; anything else is refused.
std::optional<base::IpAddress> DecodeAddress(const FieldReader& reader, std::string_view name,
                                             std::string_view text);
// The `protocol` of a port: true for TCP. Others are known but not captured; an unknown one is
// refused.
bool DecodeIsTcp(FieldReader& port);
// The `filters` of a rule or of a backend reference.
RouteFilters DecodeFilters(FieldReader& owner, RouteKind kind);
std::vector<model::HttpMatch> DecodeMatches(FieldReader& rule);
// The `headers` of a match.
std::vector<model::KeyValueMatch> DecodeHeaderMatches(FieldReader& match);
// The `type` of a match that is Exact, the default, or RegularExpression.
bool DecodeIsRegex(FieldReader& reader);
// GEP-2257: "1h30m", "500ms". Empty on anything else.
std::optional<uint64_t> ParseDurationMs(std::string_view text);

}  // namespace sluice::controller
