#include "userspace/cli/standalone.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/stderr.h"
#include "userspace/base/unique_fd.h"
#include "userspace/cli/child_commands.h"
#include "userspace/cli/child_process.h"
#include "userspace/cli/http_get.h"
#include "userspace/cli/preflight.h"
#include "userspace/cli/supervision.h"
#include "userspace/cli/text_table.h"

namespace sluice::cli {
namespace {

constexpr absl::Duration kLookAgain =
    absl::Milliseconds(25);  // While waiting for the controller or readiness.
constexpr absl::Duration kProbeTimeout = absl::Seconds(2);  // Of one readiness request.
constexpr absl::Duration kSilenceBeforeReasons =
    absl::Seconds(2);  // A quick start needs no explanation.

// What an epoll event stands for.
enum Source : uint32_t { kSignal, kTimer, kProbe, kChildFirst };

// The file comes with bind(), just before listen(). Connecting would be proof, and a stream that
// the controller must report as broken; an agent that is a moment early tries again by itself.
bool IsListening(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

class Standalone {
 public:
  Standalone(const StandaloneOptions& options, const StandaloneLayout& layout)
      : options_(options), layout_(layout), supervision_(SupervisionLimits{}) {}

  absl::Status Open() {
    sigset_t stopping;
    sigemptyset(&stopping);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&stopping, number);
    sigprocmask(SIG_BLOCK, &stopping, nullptr);
    epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
    signals_.Reset(signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK));
    timer_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!epoll_.is_valid() || !signals_.is_valid() || !timer_.is_valid()) {
      return base::ErrnoStatus(errno, "opening the event loop");
    }
    Watch(signals_.get(), kSignal, EPOLLIN);
    Watch(timer_.get(), kTimer, EPOLLIN);
    return absl::OkStatus();
  }

  int Run() {
    started_ = absl::Now();
    Carry(supervision_.Begin(started_));
    while (!exit_code_) {
      ArmTimer();
      epoll_event event;
      const int count = epoll_wait(epoll_.get(), &event, 1, -1);
      if (count == 1) Handle(event.data.u32);
    }
    return *exit_code_;
  }

 private:
  void Watch(int fd, uint32_t source, uint32_t events) {
    epoll_event event = {};
    event.events = events;
    event.data.u32 = source;
    SLUICE_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  }

  void Handle(uint32_t source) {
    switch (source) {
      case kSignal:
        return OnSignal();
      case kTimer:
        return OnTimer();
      case kProbe:
        return OnProbe();
      default:
        return OnChildEnd(static_cast<Child>(source - kChildFirst));
    }
  }

  void OnSignal() {
    signalfd_siginfo info;
    if (read(signals_.get(), &info, sizeof(info)) != sizeof(info)) return;
    Say(absl::StrCat("stopping (", strsignal(static_cast<int>(info.ssi_signo)), ")"));
    Carry(supervision_.OnStopAsked(absl::Now()));
  }

  void OnTimer() {
    uint64_t expirations;
    if (read(timer_.get(), &expirations, sizeof(expirations)) < 0) return;
    const absl::Time now = absl::Now();
    Carry(supervision_.OnTime(now));
    if (supervision_.waits_for_controller() &&
        IsListening(ControllerSocketPath(options_.state_dir))) {
      Carry(supervision_.OnControllerListening(now));
    }
    if (!supervision_.waits_for_ready() || (probe_ && now >= probe_deadline_)) return EndProbe();
    if (!probe_) StartProbe(now);
  }

  void OnChildEnd(Child child) {
    std::optional<ChildProcess>& process = children_[static_cast<size_t>(child)];
    if (!process) return;
    const Exit exit = process->Wait();
    process.reset();  // Closes the pidfd, which also takes it out of epoll.
    Carry(supervision_.OnExit(child, exit, absl::Now()));
  }

  void StartProbe(absl::Time now) {
    const base::SocketAddress server = {*base::IpAddress::Parse("127.0.0.1"),
                                        options_.readiness_port};
    absl::StatusOr<HttpGet> get = HttpGet::Start(server, "/healthz/ready");
    if (!get.ok()) return;  // The agent does not listen yet.
    probe_.emplace(*std::move(get));
    probe_deadline_ = now + kProbeTimeout;
    Watch(probe_->fd(), kProbe, EPOLLIN | EPOLLOUT | EPOLLET);
  }

  void EndProbe() { probe_.reset(); }

  // Edge-triggered: everything that can be done now is done now.
  void OnProbe() {
    while (probe_ && !probe_->is_done()) {
      pollfd waiting = {.fd = probe_->fd(), .events = probe_->events(), .revents = 0};
      if (poll(&waiting, 1, 0) <= 0) return;
      if (!probe_->Advance().ok()) return EndProbe();
    }
    if (!probe_) return;
    const absl::StatusOr<HttpAnswer> answer = probe_->Answer();
    EndProbe();
    if (!answer.ok()) return;
    if (answer->code == 200) return Carry(supervision_.OnReady());
    ExplainWait(answer->body);
  }

  void ExplainWait(const std::string& body) {
    const std::string reasons =
        Printable(absl::StrReplaceAll(absl::StripAsciiWhitespace(body), {{"\n", "; "}}));
    if (absl::Now() - started_ < kSilenceBeforeReasons || reasons == last_reasons_) return;
    last_reasons_ = reasons;
    Say(absl::StrCat("not ready yet: ", reasons));
  }

  void Carry(const Actions& actions) {
    for (const Action& action : actions) Do(action);
  }

  void Do(const Action& action) {
    std::optional<ChildProcess>& process = children_[static_cast<size_t>(action.child)];
    switch (action.kind) {
      case ActionKind::kStart:
        return Start(action.child);
      case ActionKind::kTerminate:
        // SIGTERM tells an agent to leave its pods closed for the next one; this one undoes.
        if (process) process->Signal(action.child == Child::kAgent ? SIGUSR1 : SIGTERM);
        return;
      case ActionKind::kKill:
        if (process) process->Signal(SIGKILL);
        return;
      case ActionKind::kAnnounceReady:
        std::puts("ready");
        std::fflush(stdout);
        return;
      case ActionKind::kSay:
        return Say(action.text);
      case ActionKind::kFinish:
        unlink(ControllerSocketPath(options_.state_dir).c_str());
        exit_code_ = action.exit_code;
        return;
    }
  }

  void Start(Child child) {
    // A socket file of an earlier run would look like a controller that listens.
    if (child == Child::kController) unlink(ControllerSocketPath(options_.state_dir).c_str());
    absl::StatusOr<ChildProcess> process = ChildProcess::Start(CommandOf(child));
    if (!process.ok()) {
      return Carry(
          supervision_.OnStartFailed(child, std::string(process.status().message()), absl::Now()));
    }
    std::optional<ChildProcess>& slot = children_[static_cast<size_t>(child)];
    slot.emplace(*std::move(process));
    Watch(slot->pidfd(), kChildFirst + static_cast<uint32_t>(child), EPOLLIN);
  }

  std::vector<std::string> CommandOf(Child child) const {
    switch (child) {
      case Child::kController:
        return ControllerCommand(options_, layout_);
      case Child::kAgent:
        return AgentCommand(options_, layout_);
      case Child::kUndo:
        return UndoCommand(options_.state_dir, layout_.programs_dir);
    }
    return {};
  }

  void ArmTimer() {
    absl::Time next = supervision_.next_time();
    if (supervision_.waits_for_controller() || supervision_.waits_for_ready()) {
      next = std::min(next, absl::Now() + kLookAgain);
    }
    itimerspec when = {};  // Zero disarms.
    if (next < absl::InfiniteFuture()) {
      when.it_value = absl::ToTimespec(std::max(next - absl::Now(), absl::Milliseconds(1)));
    }
    timerfd_settime(timer_.get(), 0, &when, nullptr);
  }

  static void Say(const std::string& text) {
    base::WriteToStderr(absl::StrCat("sluicectl: ", text, "\n"));
  }

  const StandaloneOptions options_;
  const StandaloneLayout layout_;
  Supervision supervision_;
  base::UniqueFd epoll_;
  base::UniqueFd signals_;
  base::UniqueFd timer_;
  std::array<std::optional<ChildProcess>, kChildCount> children_;
  std::optional<HttpGet> probe_;
  absl::Time probe_deadline_;
  absl::Time started_;
  std::string last_reasons_;
  std::optional<int> exit_code_;
};

absl::StatusOr<StandaloneLayout> Prepare(StandaloneOptions& options) {
  SLUICE_RETURN_IF_ERROR(CheckPrivilegesAndKernel());
  absl::StatusOr<std::string> programs = ProgramsFolder();
  if (!programs.ok()) return programs.status();
  SLUICE_RETURN_IF_ERROR(CheckPrograms(*programs));
  SLUICE_RETURN_IF_ERROR(CheckNoOtherMesh(kMachineLockPath));
  // Children have the same working folder, but messages and journals should name whole paths.
  std::error_code error;
  options.manifests_dir =
      std::filesystem::absolute(options.manifests_dir, error).lexically_normal().string();
  options.state_dir =
      std::filesystem::absolute(options.state_dir, error).lexically_normal().string();
  if (options.node.empty()) {
    char name[HOST_NAME_MAX + 1] = "";
    gethostname(name, sizeof(name) - 1);
    options.node = name;
  }
  return StandaloneLayout{.programs_dir = *std::move(programs), .node = options.node};
}

}  // namespace

int RunStandalone(const StandaloneOptions& asked) {
  base::PrepareStandardStreams();
  StandaloneOptions options = asked;
  const absl::StatusOr<StandaloneLayout> layout = Prepare(options);
  absl::Status status = layout.status();
  base::UniqueFd state_lock;
  if (status.ok()) {
    absl::StatusOr<base::UniqueFd> lock = TakeStateFolder(options.state_dir);
    status = lock.status();
    if (lock.ok()) state_lock = *std::move(lock);
  }
  if (status.ok()) {
    Standalone standalone(options, *layout);
    status = standalone.Open();
    if (status.ok()) return standalone.Run();
  }
  base::WriteToStderr(absl::StrCat("sluicectl: ", status.message(), "\n"));
  return 1;
}

}  // namespace sluice::cli
