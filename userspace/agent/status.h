// The status of the node as JSON, for `sluicectl status`. Pure; keys as docs/operations.md lists
// them.
#pragma once

#include <string>

#include "userspace/agent/node_view.h"

namespace sluice::agent {

// One object, indented, with a line feed at the end.
std::string StatusJson(const NodeView& view);

// "ready\n", or a line for each reason.
std::string ReadinessText(const NodeView& view);

}  // namespace sluice::agent
