// HttpFilter messages as one validated value; part of route_table_spec. Pure.
#pragma once

#include "absl/status/status.h"
#include "api/route.pb.h"
#include "userspace/model/route_table.h"

namespace sluice::model {

using FilterMessages = google::protobuf::RepeatedPtrField<route::v1::HttpFilter>;

// Each kind at most once, and never a redirect beside a rewrite, as Gateway API says.
absl::Status ParseFilters(const FilterMessages& messages, HttpFilters& out);

}  // namespace sluice::model
