// sluice-agent: options, the machine's lock, then the agent's loop.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <google/protobuf/stubs/logging.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/agent/agent.h"
#include "userspace/agent/files.h"
#include "userspace/agent/machine.h"
#include "userspace/base/exit_codes.h"
#include "userspace/base/log.h"
#include "userspace/base/mesh_limits.h"
#include "userspace/base/stderr.h"
#include "userspace/proxy/limits.h"

namespace {

using sluice::agent::Agent;
using sluice::agent::AgentOptions;

const std::map<std::string, sluice::node::v1::PathNormalization> kPathNormalizations = {
    {"strict", sluice::node::v1::PATH_STRICT},
    {"none", sluice::node::v1::PATH_NONE},
    {"base", sluice::node::v1::PATH_BASE},
    {"merge-slashes", sluice::node::v1::PATH_MERGE_SLASHES},
    {"decode-and-merge-slashes", sluice::node::v1::PATH_DECODE_AND_MERGE_SLASHES}};

struct Flags {
  AgentOptions agent;
  std::string controller = "unix:/run/sluice/controller.sock";
  std::string acceleration = "off";
  std::string access_log = "off";
  std::string log_level = "info";
  bool is_undo = false;
};

void Declare(CLI::App& app, Flags& flags) {
  // One per processor, so that work can follow the applications from one to another; at most four.
  const uint32_t default_workers = std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
  flags.agent.worker_count = default_workers;
  flags.agent.state_dir = "/run/sluice";
  app.add_option("--controller", flags.controller, "The controller's socket, unix:PATH");
  app.add_option("--state-dir", flags.agent.state_dir,
                 "Folder for the snapshot and the undo journal");
  app.add_option("--node", flags.agent.node, "Name of this node (default: the host's name)");
  app.add_option("--acceleration", flags.acceleration,
                 "Kernel path of same-node connections of pods that do not say")
      ->check(CLI::IsMember({"off", "send", "full"}));
  app.add_option("--workers", flags.agent.worker_count, "Threads of the proxy")
      ->check(CLI::Range(1u, sluice::base::kWorkersMax));
  app.add_option("--access-log", flags.access_log, "Access log format")
      ->check(CLI::IsMember({"off", "text", "json"}));
  app.add_option("--access-log-file", flags.agent.access_log_file,
                 "Access log file (default: standard error)");
  app.add_option("--path-normalization", flags.agent.path_normalization,
                 "What is changed of request paths before any match")
      ->transform(CLI::Transformer(kPathNormalizations));
  app.add_option("--proxy-path", flags.agent.proxy_path,
                 "The proxy's program (default: beside this one)");
  app.add_option("--proxy-uid", flags.agent.proxy_uid, "User and group of the proxy")
      ->check(CLI::Range(1u, 0x7fffffffu));
  app.add_option("--admin-port", flags.agent.ports.admin, "Loopback port of GET /status");
  app.add_option("--metrics-port", flags.agent.ports.metrics, "Loopback port of GET /metrics");
  app.add_option("--readiness-port", flags.agent.ports.readiness,
                 "Loopback port of GET /healthz/ready and /healthz/live");
  app.add_option("--log-level", flags.log_level, "Least level that is logged")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_flag("--undo", flags.is_undo,
               "Undo what an agent left that died or ended by SIGTERM, then exit");
}

int Fail(const std::string& text) {
  sluice::base::LogError(text);
  return 1;
}

// Empty, or what is wrong.
std::string Complete(Flags& flags) {
  using sluice::datapath::Acceleration;
  constexpr const char kUnix[] = "unix:";
  if (flags.controller.rfind(kUnix, 0) != 0 || flags.controller.size() == sizeof(kUnix) - 1) {
    return "--controller must be unix:PATH, got " + flags.controller;
  }
  flags.agent.controller_socket = flags.controller.substr(sizeof(kUnix) - 1);
  if (flags.agent.state_dir.empty() || flags.agent.state_dir[0] != '/') {
    return "--state-dir must be an absolute path, got " + flags.agent.state_dir;
  }
  flags.agent.log_level = flags.log_level;
  flags.agent.version = sluice::agent::ProgramVersion();
  flags.agent.acceleration = flags.acceleration == "off"    ? Acceleration::kOff
                             : flags.acceleration == "send" ? Acceleration::kSend
                                                            : Acceleration::kFull;
  flags.agent.access_log_format = flags.access_log == "off"    ? sluice::node::v1::ACCESS_LOG_OFF
                                  : flags.access_log == "text" ? sluice::node::v1::ACCESS_LOG_TEXT
                                                               : sluice::node::v1::ACCESS_LOG_JSON;
  if (flags.agent.proxy_path.empty())
    flags.agent.proxy_path = sluice::agent::ProgramFolder() + "/sluice-proxy";
  if (flags.agent.node.empty()) {
    char name[256] = "node";
    gethostname(name, sizeof(name) - 1);
    flags.agent.node = name;
  }
  return "";
}

// Below this the proxy, which keeps a reserve, would refuse most connections or all of them.
constexpr rlim_t kDescriptorsMin = 4 * sluice::proxy::kDescriptorReserve;

// Every connection of the node is a descriptor of the proxy, which inherits this. Returns what is
// wrong, or nothing.
std::string RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return "";
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= kDescriptorsMin) return "";
  return absl::StrCat("the hard limit of open files is ", limit.rlim_max,
                      ", too few for a proxy: allow at least ", kDescriptorsMin,
                      " (LimitNOFILE= of a systemd unit, hard nofile in limits.conf, ulimit -Hn)");
}

int Undo(const Flags& flags, const sluice::agent::MachineLock& lock) {
  std::vector<std::string> state_dirs = lock.unclean_state_dirs();
  state_dirs.push_back(flags.agent.state_dir);
  for (const std::string& state_dir : state_dirs) {
    if (absl::Status status = sluice::agent::UndoEarlierRun(state_dir); !status.ok()) {
      return Fail(std::string(status.message()));
    }
  }
  lock.MarkClean();
  sluice::base::LogInfo("everything is undone");
  return 0;
}

int Serve(const Flags& flags, sluice::agent::MachineLock& lock) {
  AgentOptions options = flags.agent;
  options.earlier_state_dirs = lock.unclean_state_dirs();
  auto agent = Agent::Create(options);
  if (!agent.ok()) {
    if (options.earlier_state_dirs.empty()) lock.MarkClean();
    return Fail(std::string(agent.status().message()));
  }
  if (absl::Status status = lock.ForgetEarlier(); !status.ok())
    sluice::base::LogWarning(std::string(status.message()));
  const absl::Status status = (*agent)->Run();
  if (!status.ok()) return Fail(std::string(status.message()));
  if ((*agent)->has_left_capture()) {
    sluice::base::LogInfo(
        "ended; the pods of this mesh stay closed until the next run, or `sluicectl cleanup`");
    return sluice::base::kExitLeftClosed;
  }
  lock.MarkClean();
  sluice::base::LogInfo("ended, everything is undone");
  return 0;
}

int Run(const Flags& flags) {
  if (geteuid() != 0)
    return Fail("sluice-agent must run as root: it enters pods' namespaces and loads BPF programs");
  if (absl::Status status = sluice::agent::MakeFolder(flags.agent.state_dir); !status.ok()) {
    return Fail(std::string(status.message()));
  }
  auto lock = sluice::agent::MachineLock::Take(sluice::agent::kLockPath, flags.agent.state_dir);
  if (!lock.ok()) return Fail(std::string(lock.status().message()));
  return flags.is_undo ? Undo(flags, *lock) : Serve(flags, *lock);
}

}  // namespace

int main(int argc, char** argv) {
  sluice::base::PrepareStandardStreams();
  Flags flags;
  CLI::App app("sluice-agent: the privileged part of a Sluice node");
  app.set_version_flag("--version", sluice::agent::ProgramVersion());
  Declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  sluice::base::LogLevel level = sluice::base::LogLevel::kInfo;
  sluice::base::ParseLogLevel(flags.log_level, level);
  sluice::base::StartLog("agent", level);
  // The library writes a line for each message that it cannot parse: a hostile proxy could fill the
  // log.
  google::protobuf::SetLogHandler(nullptr);
  umask(022);
  const std::string limit_problem = RaiseDescriptorLimit();
  if (!flags.is_undo && !limit_problem.empty()) return Fail(limit_problem);
  if (const std::string problem = Complete(flags); !problem.empty()) return Fail(problem);
  return Run(flags);
}
