#include "userspace/agent/agent.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "userspace/agent/files.h"
#include "userspace/agent/snapshot_file.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/datapath/earlier_runs.h"

namespace sluice::agent {
namespace {

// How long a starting node waits for the controller before it serves from the snapshot.
constexpr absl::Duration kSnapshotDelay = absl::Milliseconds(400);
constexpr absl::Duration kHousekeepPeriod = absl::Milliseconds(500);
constexpr absl::Duration kSaveDelay = absl::Milliseconds(200);
constexpr absl::Duration kDrainDeadline = absl::Seconds(1);

std::string SnapshotPath(const AgentOptions& options) { return options.state_dir + "/snapshot.pb"; }

// The loop sees closed and idle connections alike: a descriptor that stays open needs no callback.
// O_NONBLOCK: workers write to it; a pipe that nobody empties must not hold up their connections,
// and one that nobody has opened must not hold up the start.
absl::StatusOr<SharedFd> OpenAccessLog(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
  const int fd =
      path.empty() ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : open(path.c_str(), kFlags, 0640);
  if (fd < 0) return base::ErrnoStatus(errno, absl::StrCat("open the access log ", path));
  return std::make_shared<const base::UniqueFd>(fd);
}

}  // namespace

Agent::Agent(const AgentOptions& options) : options_(options), started_at_(SteadyNow()) {}

Agent::~Agent() = default;

absl::StatusOr<std::unique_ptr<Agent>> Agent::Create(const AgentOptions& options) {
  auto agent = absl::WrapUnique(new Agent(options));
  absl::Status status = agent->Prepare();
  if (status.ok()) return agent;
  // What was made so far goes away with the members; a mount is ours to take back, unless it keeps
  // closed what an earlier run captured.
  agent->kernel_.reset();
  if (agent->bpffs_dir_.empty()) return status;  // Nothing was mounted yet.
  if (datapath::HasRuns(agent->bpffs_dir_)) {
    base::LogWarning(
        "pods of an earlier run stay closed: start again, or open them with `sluicectl cleanup`");
    return status;
  }
  UnmountBpffs(agent->journal_->list().bpffs_mount).IgnoreError();
  agent->journal_->Close().IgnoreError();
  return status;
}

absl::Status Agent::Prepare() {
  auto loop = EventLoop::Create();
  if (!loop.ok()) return loop.status();
  loop_ = *std::move(loop);
  auto endpoints = OperatorEndpoints::Create(*loop_, options_.ports);
  if (!endpoints.ok()) return endpoints.status();
  endpoints_ = *std::move(endpoints);
  auto network = NamespaceSwitch::Create();
  if (!network.ok()) return network.status();
  network_ = std::make_unique<NamespaceSwitch>(*std::move(network));
  journal_ = std::make_unique<UndoJournal>(options_.state_dir + "/undo.json", BootId());
  // This folder's first: its journal is written anew with the first thing that is taken over.
  SLUICE_RETURN_IF_ERROR(AdoptEarlierRun(options_.state_dir, *journal_));
  for (const std::string& state_dir : options_.earlier_state_dirs) {
    if (state_dir != options_.state_dir)
      SLUICE_RETURN_IF_ERROR(AdoptEarlierRun(state_dir, *journal_));
  }
  absl::StatusOr<std::string> bpffs_dir = FindBpffsDir(options_.state_dir, *journal_);
  if (!bpffs_dir.ok()) return bpffs_dir.status();
  bpffs_dir_ = *std::move(bpffs_dir);
  auto kernel = datapath::Datapath::Create({.bpffs_dir = bpffs_dir_});
  if (!kernel.ok()) return base::Wrap(kernel.status(), "load the kernel programs");
  kernel_ = *std::move(kernel);
  namespaces_ = std::make_unique<PodNamespaces>(*network_, *journal_);
  host_ = std::make_unique<NodePodHost>(*network_, *namespaces_, options_.worker_count);
  bank_ = std::make_unique<SocketBank>(*network_, *kernel_);
  SLUICE_RETURN_IF_ERROR(PrepareProxy());
  pods_ = std::make_unique<PodSet>(*kernel_, *proxy_, *host_, options_.acceleration);
  config_ = std::make_unique<ConfigSync>(*kernel_, *proxy_);
  discovery_ = std::make_unique<DiscoveryClient>(
      *loop_, DiscoveryClient::Options{options_.controller_socket, options_.node}, resources_,
      [this] { OnResources(); });
  return WatchSignals();
}

absl::Status Agent::PrepareProxy() {
  ProxySupervisor::Setup setup;
  setup.launch.path = options_.proxy_path;
  setup.launch.uid = options_.proxy_uid;
  setup.launch.log_level = options_.log_level;
  setup.configure.set_worker_count(options_.worker_count);
  setup.configure.set_access_log_format(options_.access_log_format);
  setup.configure.set_path_normalization(options_.path_normalization);
  // Whatever the option says: a pod may wish it later.
  setup.configure.set_is_accelerated(kernel_->ChooseLevel(datapath::Acceleration::kFull).level !=
                                     datapath::Acceleration::kOff);
  // Owned by the data path; a duplicate, so that whatever waits to be sent stays open.
  const int map_fd = fcntl(kernel_->original_destinations_fd(), F_DUPFD_CLOEXEC, 3);
  if (map_fd < 0) return base::ErrnoStatus(errno, "duplicate the map of original destinations");
  setup.configure_fds.push_back(std::make_shared<const base::UniqueFd>(map_fd));
  if (options_.access_log_format != node::v1::ACCESS_LOG_OFF) {
    absl::StatusOr<SharedFd> log = OpenAccessLog(options_.access_log_file);
    if (!log.ok()) return log.status();
    setup.configure_fds.push_back(*std::move(log));
  }
  ProxySupervisor::Callbacks callbacks;
  callbacks.on_ready = [this] {
    config_->ProxyReady();
    ScheduleReconcile();
  };
  callbacks.on_gone = [this] {
    config_->ProxyGone();
    pods_->ProxyGone();
    endpoints_->NumbersCame();
  };
  callbacks.on_message = [this](const node::v1::ToAgent& message) { OnProxyMessage(message); };
  proxy_ = std::make_unique<ProxySupervisor>(*loop_, std::move(setup), std::move(callbacks));
  return absl::OkStatus();
}

absl::Status Agent::WatchSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
    return base::ErrnoStatus(errno, "sigprocmask");
  signals_.Reset(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_valid()) return base::ErrnoStatus(errno, "signalfd");
  loop_->Watch(signals_.get(), EPOLLIN, [this](uint32_t) {
    signalfd_siginfo received;
    while (read(signals_.get(), &received, sizeof(received)) == sizeof(received)) {
      base::LogInfo("ending on signal", {{"signal", received.ssi_signo}});
      StartEnd(received.ssi_signo == SIGUSR1);
    }
  });
  return absl::OkStatus();
}

absl::Status Agent::Run() {
  absl::StatusOr<Resources> snapshot = LoadSnapshot(SnapshotPath(options_));
  if (snapshot.ok()) {
    resources_ = *std::move(snapshot);
    has_snapshot_ = true;
    loop_->RunAfter(kSnapshotDelay, [this] {
      if (may_serve_) return;
      base::LogWarning("the controller does not answer; serving from the last snapshot");
      may_serve_ = true;
      ScheduleReconcile();
    });
  } else if (!absl::IsNotFound(snapshot.status())) {
    base::LogWarning("the last snapshot cannot be used",
                     {{"reason", std::string(snapshot.status().message())}});
  }
  endpoints_->SetSources(
      {.view = [this] { return View(); }, .ask_for_numbers = [this] { return AskForNumbers(); }});
  proxy_->Start();
  discovery_->Start();
  loop_->RunAfter(kHousekeepPeriod, [this] { Housekeep(); });
  loop_->Run();
  return end_status_;
}

void Agent::OnResources() {
  ++generation_;
  if (discovery_->is_complete()) {
    may_serve_ = true;
    SaveSnapshotSoon();
  }
  ScheduleReconcile();
}

void Agent::SaveSnapshotSoon() {
  if (save_timer_ != 0) return;
  save_timer_ = loop_->RunAfter(kSaveDelay, [this] {
    save_timer_ = 0;
    const absl::Status status = SaveSnapshot(resources_, SnapshotPath(options_));
    if (!status.ok()) {
      base::LogWarning("the snapshot cannot be kept on disk",
                       {{"reason", std::string(status.message())}});
    }
  });
}

// Once per turn of the loop, however many things happened in it.
void Agent::ScheduleReconcile() {
  if (reconcile_timer_ != 0) return;
  reconcile_timer_ = loop_->RunAfter(absl::ZeroDuration(), [this] {
    reconcile_timer_ = 0;
    Reconcile();
  });
}

void Agent::Reconcile() {
  if (!may_serve_ || is_ending_) return;
  pods_->Plan(resources_);
  config_->Step(resources_, generation_, pods_->CapturedAddresses());
  pods_->Advance(config_->has_proxy_config());
  // From a snapshot alone nobody is let out: it may be older than what the last run captured.
  if (discovery_->is_complete()) pods_->ReleaseUnplanned();
}

void Agent::Housekeep() {
  endpoints_->Housekeep();
  if (!is_ending_) pods_->FinishDrains(SteadyNow());
  Reconcile();
  loop_->RunAfter(kHousekeepPeriod, [this] { Housekeep(); });
}

void Agent::OnProxyMessage(const node::v1::ToAgent& message) {
  using Kind = node::v1::ToAgent;
  bool is_expected = true;
  switch (message.kind_case()) {
    case Kind::kPodAdded:
      is_expected = pods_->PodAdded(message.pod_added().pod_id());
      ScheduleReconcile();
      break;
    case Kind::kPodRemoved:
      is_expected = pods_->PodRemoved(message.pod_removed().pod_id());
      ScheduleReconcile();
      break;
    case Kind::kConfigApplied:
      is_expected =
          config_->Applied(message.config_applied().version(), message.config_applied().error());
      ScheduleReconcile();
      break;
    case Kind::kSocketsWanted:
      OnSocketsWanted(message.sockets_wanted());
      break;
    case Kind::kStats:
      if (stats_.Part(message.stats(), SteadyNow())) endpoints_->NumbersCame();
      break;
    case Kind::kReady:
    case Kind::KIND_NOT_SET:
      is_expected = false;
      break;
  }
  if (!is_expected) ++unexpected_messages_;
}

void Agent::OnSocketsWanted(const node::v1::SocketsWanted& wanted) {
  const HeldPod* pod = pods_->Find(wanted.pod_id());
  std::vector<SharedFd> fds;
  const node::v1::ToProxy answer =
      bank_->Answer(wanted, pod == nullptr ? nullptr : &pod->prepared, SteadyNow(), fds);
  proxy_->Send(answer, std::move(fds));
}

bool Agent::AskForNumbers() {
  if (proxy_->state() != ProxyState::kReady) return false;
  node::v1::ToProxy request;
  request.mutable_stats_request()->set_id(stats_.NewRequest());
  proxy_->Send(request, {});
  return true;
}

void Agent::StartEnd(bool undoes) {
  if (has_ended_) return;
  if (undoes && !undoes_) {
    undoes_ = true;
    // Capture first: from here on nobody new is led to the proxy, and what it has it may finish.
    end_status_ = kernel_->Detach();
    if (!end_status_.ok()) {
      base::LogError("the kernel programs could not be taken away",
                     {{"reason", std::string(end_status_.message())}});
    }
  }
  if (is_ending_) return;
  is_ending_ = true;
  proxy_->Drain(kDrainDeadline, [this] { FinishEnd(); });
}

void Agent::FinishEnd() {
  has_ended_ = true;
  loop_->Stop();
  if (!undoes_) {
    kernel_->Leave();  // The journal stays too: the next run, or a cleanup, goes on from it.
    return;
  }
  pods_->PutEverythingBack();
  kernel_.reset();
  end_status_.Update(UnmountBpffs(journal_->list().bpffs_mount));
  const bool is_all_back = journal_->list().namespaces.empty();
  if (is_all_back && end_status_.ok()) end_status_.Update(journal_->Close());
  if (!is_all_back)
    end_status_.Update(absl::InternalError("a namespace could not be put back; see the log"));
}

}  // namespace sluice::agent
