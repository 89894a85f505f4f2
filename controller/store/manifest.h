// One parsed document of a manifest, before anything is known about its kind.
#pragma once

#include <nlohmann/json.hpp>

#include "controller/store/problem.h"

namespace sluice::controller {

using Json = nlohmann::json;

struct Manifest {
  Origin origin;
  Json value;
};

}  // namespace sluice::controller
