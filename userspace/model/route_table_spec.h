// A RouteTable message as a validated value. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "api/route.pb.h"
#include "userspace/model/route_table.h"

namespace sluice::model {

struct RouteTableSpec {
  std::string service;           // "namespace/hostname".
  std::string service_port;      // "namespace/hostname:port".
  std::string client_namespace;  // Empty: producer routes.
  RouteTable table;
};

// `name` is the resource's name and must say the same as the fields. Header names that frame a
// message are refused in header modifiers: changing them would let one request be read as two.
// Errors: kInvalidArgument with the path of the field and the offending value.
absl::StatusOr<RouteTableSpec> ParseRouteTable(std::string_view name,
                                               const route::v1::RouteTable& message);

}  // namespace sluice::model
