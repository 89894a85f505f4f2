#include "controller/app/options.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace sluice::controller {

ParsedOptions ParseOptions(int argc, char** argv) {
  Options options;
  std::string listen;
  std::string log_level = "info";
  CLI::App app("Reads Kubernetes manifests from a folder and tells the node what to do.",
               "sluice-controller");
  app.add_option("--manifests", options.manifests,
                 "Folder with *.yaml, *.yml and *.json; changes are followed")
      ->required();
  app.add_option("--listen", listen, "Where the agent connects, as unix:PATH")->required();
  app.add_option("--node", options.node, "Name of the node that the enrolled pods run on")
      ->required();
  app.add_option("--log-level", log_level, "debug, info, warning or error");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {.exit_code = app.exit(error)};
  }
  constexpr std::string_view kUnix = "unix:";
  if (!listen.starts_with(kUnix) || listen.size() == kUnix.size()) {
    std::cerr << "sluice-controller: --listen " << listen << " is not unix:PATH\n";
    return {.exit_code = 2};
  }
  options.socket_path = listen.substr(kUnix.size());
  if (!base::ParseLogLevel(log_level, options.log_level)) {
    std::cerr << "sluice-controller: --log-level " << log_level
              << " is not debug, info, warning or error\n";
    return {.exit_code = 2};
  }
  return {.options = std::move(options)};
}

}  // namespace sluice::controller
