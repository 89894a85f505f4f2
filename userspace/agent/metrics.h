// The node's metric series, made from one look at it. Pure.
// Bounds: series grow with pods, probes, kernel events and configured backends, never with what
// clients send.
#pragma once

#include <vector>

#include "userspace/agent/node_view.h"
#include "userspace/telemetry/sample.h"

namespace sluice::agent {

std::vector<telemetry::Sample> NodeMetrics(const NodeView& view);

}  // namespace sluice::agent
