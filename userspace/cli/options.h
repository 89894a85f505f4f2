// What the operator asked for on the command line, as values. CLI11 stays behind options.cc.
// Errors: a wrong command line yields the message to print and the exit code, never an exception.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "userspace/base/log.h"

namespace sluice::cli {

struct StandaloneOptions {
  std::string manifests_dir;
  std::string acceleration = "off";  // "off" or "full".
  std::string state_dir = "/run/sluice";
  std::string access_log = "off";  // "off", "text" or "json".
  std::string access_log_file;     // Empty: STATE/access.log.
  std::string path_normalization = "strict";
  uint32_t worker_count = 0;  // 1..64; 0: the agent chooses.
  std::string node;           // Empty: the host's name.
  std::string log_level = "info";
  uint16_t admin_port = 15000;
  uint16_t metrics_port = 15020;
  uint16_t readiness_port = 15021;
};

struct StatusOptions {
  bool is_json = false;
  std::string admin_address = "127.0.0.1:15000";
};

struct CleanupOptions {
  std::string state_dir = "/run/sluice";
};

struct VersionOptions {};

using Command = std::variant<StandaloneOptions, StatusOptions, CleanupOptions, VersionOptions>;

struct ParsedCommandLine {
  std::optional<Command> command;  // Empty: print `message` and leave with `exit_code`.
  std::string message;
  int exit_code = 0;  // 0 with a message: help was asked for.
};

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace sluice::cli
