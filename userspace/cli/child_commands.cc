#include "userspace/cli/child_commands.h"

namespace sluice::cli {

std::string ControllerSocketPath(const std::string& state_dir) {
  return state_dir + "/controller.sock";
}

std::vector<std::string> ControllerCommand(const StandaloneOptions& options,
                                           const StandaloneLayout& layout) {
  return {layout.programs_dir + "/sluice-controller",
          "--manifests",
          options.manifests_dir,
          "--listen",
          "unix:" + ControllerSocketPath(options.state_dir),
          "--node",
          layout.node,
          "--log-level",
          options.log_level};
}

std::vector<std::string> AgentCommand(const StandaloneOptions& options,
                                      const StandaloneLayout& layout) {
  std::vector<std::string> command = {layout.programs_dir + "/sluice-agent",
                                      "--controller",
                                      "unix:" + ControllerSocketPath(options.state_dir),
                                      "--state-dir",
                                      options.state_dir,
                                      "--acceleration",
                                      options.acceleration,
                                      "--node",
                                      layout.node,
                                      "--access-log",
                                      options.access_log,
                                      "--path-normalization",
                                      options.path_normalization,
                                      "--proxy-path",
                                      layout.programs_dir + "/sluice-proxy",
                                      "--admin-port",
                                      std::to_string(options.admin_port),
                                      "--metrics-port",
                                      std::to_string(options.metrics_port),
                                      "--readiness-port",
                                      std::to_string(options.readiness_port),
                                      "--log-level",
                                      options.log_level};
  if (options.worker_count > 0) {
    command.push_back("--workers");
    command.push_back(std::to_string(options.worker_count));
  }
  if (options.access_log != "off") {
    command.push_back("--access-log-file");
    command.push_back(options.access_log_file.empty() ? options.state_dir + "/access.log"
                                                      : options.access_log_file);
  }
  return command;
}

std::vector<std::string> UndoCommand(const std::string& state_dir,
                                     const std::string& programs_dir) {
  return {programs_dir + "/sluice-agent", "--undo", "--state-dir", state_dir};
}

}  // namespace sluice::cli
