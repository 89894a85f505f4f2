// The controller's chain, put together: folder -> store -> Translate -> stream.
// Thread: one; Run blocks in poll until a stop signal arrives.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "controller/app/options.h"
#include "controller/file/folder.h"
#include "controller/file/watcher.h"
#include "controller/publish/server.h"

namespace sluice::controller {

class Controller {
 public:
  // Errors: the folder cannot be read or watched; the socket cannot be made.
  static absl::StatusOr<std::unique_ptr<Controller>> Create(const Options& options);

  // Until `stop_fd` is readable. Errors: poll itself fails.
  absl::Status Run(int stop_fd);

 private:
  explicit Controller(const Options& options);
  absl::Status Refresh();
  void TellProblems(const std::vector<Problem>& problems);

  Options options_;
  ManifestFolder folder_;
  std::unique_ptr<FolderWatcher> watcher_;
  std::unique_ptr<DiscoveryServer> server_;
  std::map<std::string, Problem> told_problems_;
  bool is_folder_lost_ = false;
};

}  // namespace sluice::controller
