// The controller's flags. The library behind it throws, so it is fenced in options.cc.
#pragma once

#include <optional>
#include <string>

#include "userspace/base/log.h"

namespace sluice::controller {

struct Options {
  std::string manifests;    // The folder to follow.
  std::string socket_path;  // Of "unix:PATH".
  std::string node;
  base::LogLevel log_level = base::LogLevel::kInfo;
};

struct ParsedOptions {
  std::optional<Options>
      options;  // Empty: end with exit_code; what there is to say has been printed.
  int exit_code = 0;
};

ParsedOptions ParseOptions(int argc, char** argv);

}  // namespace sluice::controller
