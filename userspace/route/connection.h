// Which rule a connection meets that is routed as a whole: TCPRoute and TLSRoute. Pure.
#pragma once

#include <string_view>

#include "userspace/model/route_table.h"

namespace sluice::route {

// The first entry that takes `server_name` (lower case; empty: the client named none), in the
// table's order. Null: none does. A wildcard takes names below it, however deep, and not itself.
const model::HttpRule* MatchConnection(const model::RouteTable& table,
                                       std::string_view server_name);

}  // namespace sluice::route
