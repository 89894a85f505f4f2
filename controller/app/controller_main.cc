// sluice-controller: follows a folder of Kubernetes manifests and streams what they mean to the
// node's agent.
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <memory>

#include "controller/app/controller.h"
#include "controller/app/options.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/base/stderr.h"
#include "userspace/base/unique_fd.h"

namespace {

int Fail(const absl::Status& status) {
  const absl::string_view text = status.message();
  sluice::base::LogError("cannot go on", {{"reason", std::string_view(text.data(), text.size())}});
  return 1;
}

sluice::base::UniqueFd CatchStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return sluice::base::UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

int main(int argc, char** argv) {
  sluice::base::PrepareStandardStreams();
  const sluice::controller::ParsedOptions parsed = sluice::controller::ParseOptions(argc, argv);
  if (!parsed.options.has_value()) return parsed.exit_code;
  sluice::base::StartLog("controller", parsed.options->log_level);
  const sluice::base::UniqueFd stop = CatchStopSignals();
  if (!stop.is_valid()) return Fail(sluice::base::ErrnoStatus(errno, "catch signals"));
  auto controller = sluice::controller::Controller::Create(*parsed.options);
  if (!controller.ok()) return Fail(controller.status());
  const absl::Status status = (*controller)->Run(stop.get());
  return status.ok() ? 0 : Fail(status);
}
