// The command lines of the mesh's own processes, as docs/operations.md lists them. Pure.
#pragma once

#include <string>
#include <vector>

#include "userspace/cli/options.h"

namespace sluice::cli {

// Where the parts of one standalone mesh lie.
struct StandaloneLayout {
  std::string programs_dir;  // Folder of all programs of Sluice.
  std::string node;

  bool operator==(const StandaloneLayout&) const = default;
};

std::string ControllerSocketPath(const std::string& state_dir);
std::vector<std::string> ControllerCommand(const StandaloneOptions& options,
                                           const StandaloneLayout& layout);
std::vector<std::string> AgentCommand(const StandaloneOptions& options,
                                      const StandaloneLayout& layout);
// Puts back what an agent that was killed has changed; does nothing where nothing is left.
std::vector<std::string> UndoCommand(const std::string& state_dir, const std::string& programs_dir);

}  // namespace sluice::cli
