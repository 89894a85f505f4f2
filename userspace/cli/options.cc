#include "userspace/cli/options.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "userspace/base/mesh_limits.h"

namespace sluice::cli {
namespace {

void AddStandalone(CLI::App& app, StandaloneOptions& options) {
  app.add_option("--manifests", options.manifests_dir,
                 "Folder of Kubernetes YAML or JSON files; changes are followed")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--acceleration", options.acceleration,
                 "Join same-node sockets of pods without an annotation in the kernel: off or full")
      ->check(CLI::IsMember({"off", "full"}))
      ->capture_default_str();
  app.add_option("--state-dir", options.state_dir,
                 "Folder for sockets, the undo journal and the last good configuration")
      ->capture_default_str();
  app.add_option("--access-log", options.access_log, "One line per request: off, text or json")
      ->check(CLI::IsMember({"off", "text", "json"}))
      ->capture_default_str();
  app.add_option("--access-log-file", options.access_log_file,
                 "Where to (default: access.log in the state folder)");
  app.add_option("--path-normalization", options.path_normalization,
                 "What is changed of request paths before any match: strict, none, base, "
                 "merge-slashes or decode-and-merge-slashes")
      ->check(
          CLI::IsMember({"strict", "none", "base", "merge-slashes", "decode-and-merge-slashes"}))
      ->capture_default_str();
  app.add_option("--workers", options.worker_count,
                 "Threads of the proxy (default: one per processor, at most 4)")
      ->check(CLI::Range(1u, base::kWorkersMax));
  app.add_option("--node", options.node, "Name of this node (default: the host's name)");
  app.add_option("--log-level", options.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app.add_option("--admin-port", options.admin_port, "Loopback port of /status")
      ->capture_default_str();
  app.add_option("--metrics-port", options.metrics_port, "Loopback port of /metrics")
      ->capture_default_str();
  app.add_option("--readiness-port", options.readiness_port, "Loopback port of /healthz/ready")
      ->capture_default_str();
}

}  // namespace

// CLI11 reports by exceptions; they end here.
ParsedCommandLine ParseCommandLine(int argc, const char* const* argv) {
  CLI::App app("Sluice: a service mesh without sidecars", "sluicectl");
  app.require_subcommand(1);
  app.fallthrough(false);

  StandaloneOptions standalone;
  CLI::App* run = app.add_subcommand(
      "standalone", "Run a mesh on this machine, without a cluster, in the foreground");
  AddStandalone(*run, standalone);

  StatusOptions status;
  std::string output = "text";
  CLI::App* show = app.add_subcommand(
      "status", "Show what the mesh on this machine does: pods, paths, backends, problems");
  show->add_option("-o,--output", output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  show->add_option("--admin", status.admin_address, "Address of the agent's admin port")
      ->capture_default_str();

  CleanupOptions cleanup;
  CLI::App* undo =
      app.add_subcommand("cleanup", "Undo what a mesh that was killed has left behind");
  undo->add_option("--state-dir", cleanup.state_dir, "The state folder that the mesh used")
      ->capture_default_str();

  app.add_subcommand("version", "Print the version");

  ParsedCommandLine parsed;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    parsed.exit_code = app.exit(error, out, out) == 0 ? 0 : 2;
    parsed.message = out.str();
    return parsed;
  }
  status.is_json = output == "json";
  if (run->parsed())
    parsed.command = standalone;
  else if (show->parsed())
    parsed.command = status;
  else if (undo->parsed())
    parsed.command = cleanup;
  else
    parsed.command = VersionOptions{};
  return parsed;
}

}  // namespace sluice::cli
