#include "controller/app/controller.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <utility>

#include "controller/store/store.h"
#include "controller/translate/translate.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

std::string Place(const Problem& problem) {
  return problem.document == 0 ? problem.file : base::Concat(problem.file, ":", problem.document);
}

std::string TextOf(const absl::Status& status) {
  const absl::string_view text = status.message();
  return std::string(text.data(), text.size());
}

}  // namespace

Controller::Controller(const Options& options) : options_(options), folder_(options.manifests) {}

absl::StatusOr<std::unique_ptr<Controller>> Controller::Create(const Options& options) {
  std::unique_ptr<Controller> out(new Controller(options));
  // Watched before it is read: a change in between is seen as a change.
  absl::StatusOr<std::unique_ptr<FolderWatcher>> watcher =
      FolderWatcher::Create(options.manifests, out->folder_);
  if (!watcher.ok()) return watcher.status();
  out->watcher_ = *std::move(watcher);
  absl::StatusOr<std::unique_ptr<DiscoveryServer>> server =
      DiscoveryServer::Listen(options.socket_path);
  if (!server.ok()) return server.status();
  out->server_ = *std::move(server);
  SLUICE_RETURN_IF_ERROR(out->Refresh());
  return out;
}

absl::Status Controller::Run(int stop_fd) {
  while (true) {
    std::array<pollfd, 3> ready{{{.fd = stop_fd, .events = POLLIN},
                                 {.fd = watcher_->fd(), .events = POLLIN},
                                 {.fd = server_->fd(), .events = POLLIN}}};
    const int count = ::poll(ready.data(), ready.size(), -1);
    if (count < 0 && errno != EINTR) return base::ErrnoStatus(errno, "wait for events");
    if (count < 0) continue;
    if (ready[0].revents != 0) return absl::OkStatus();
    if (ready[2].revents != 0) server_->Step();
    if (ready[1].revents == 0 || !watcher_->Step()) continue;
    const absl::Status status = Refresh();
    if (!status.ok() && !is_folder_lost_) {
      base::LogError("the folder cannot be read; what it last said stays in force",
                     {{"reason", TextOf(status)}});
    }
    is_folder_lost_ = !status.ok();
  }
}

absl::Status Controller::Refresh() {
  absl::StatusOr<FolderContents> contents = folder_.Read();
  if (!contents.ok()) return contents.status();
  Store store;
  for (const Manifest& manifest : contents->manifests) store.Add(manifest);
  Translation translation = Translate(store, {.node = options_.node});
  translation.problems.insert(translation.problems.end(), contents->problems.begin(),
                              contents->problems.end());
  if (!server_->Publish(MakeResources(translation))) return absl::OkStatus();
  base::LogInfo("configuration",
                {{"version", server_->version()},
                 {"services", store.services().size()},
                 {"pods", store.pods().size()},
                 {"enrolled", translation.local_pods.size()},
                 {"endpoint_slices", store.slices().size()},
                 {"routes", store.http_routes().size() + store.grpc_routes().size()},
                 {"route_tables", translation.route_tables.size()},
                 {"problems", translation.problems.size()},
                 {"other_objects", store.ignored_count()}});
  TellProblems(translation.problems);
  return absl::OkStatus();
}

// Each problem once when it appears and once when it is mended.
void Controller::TellProblems(const std::vector<Problem>& problems) {
  std::map<std::string, Problem> now;
  for (const Problem& problem : problems) now.emplace(ProblemName(problem), problem);
  for (const auto& [name, problem] : now) {
    if (told_problems_.contains(name)) continue;
    base::LogWarning("problem", {{"place", Place(problem)},
                                 {"object", problem.object},
                                 {"field", problem.field},
                                 {"reason", problem.reason},
                                 {"mend", problem.mend}});
  }
  for (const auto& [name, problem] : told_problems_) {
    if (now.contains(name)) continue;
    base::LogInfo(
        "problem mended",
        {{"place", Place(problem)}, {"object", problem.object}, {"field", problem.field}});
  }
  told_problems_ = std::move(now);
}

}  // namespace sluice::controller
