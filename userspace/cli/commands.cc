#include "userspace/cli/commands.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "userspace/base/address.h"
#include "userspace/base/exit_codes.h"
#include "userspace/cli/child_commands.h"
#include "userspace/cli/child_process.h"
#include "userspace/cli/http_get.h"
#include "userspace/cli/preflight.h"
#include "userspace/cli/standalone.h"
#include "userspace/cli/status_text.h"
#include "userspace/cli/text_table.h"

namespace sluice::cli {
namespace {

constexpr absl::Duration kStatusTimeout = absl::Seconds(5);

int Fail(const std::string& text) {
  std::fprintf(stderr, "sluicectl: %s\n", text.c_str());
  return 1;
}

int Fail(const absl::Status& status) { return Fail(std::string(status.message())); }

template <typename... Bodies>
struct Overloaded : Bodies... {
  using Bodies::operator()...;
};
template <typename... Bodies>
Overloaded(Bodies...) -> Overloaded<Bodies...>;

}  // namespace

int RunStatus(const StatusOptions& options) {
  const std::optional<base::SocketAddress> server =
      base::SocketAddress::Parse(options.admin_address);
  if (!server)
    return Fail(
        absl::StrCat("--admin ", options.admin_address, ": not an address like 127.0.0.1:15000"));
  const absl::StatusOr<HttpAnswer> answer = Fetch(*server, "/status", kStatusTimeout);
  if (!answer.ok()) {
    return Fail(absl::StrCat("no mesh answers on ", options.admin_address, " (",
                             answer.status().message(),
                             "); start one with: sluicectl standalone --manifests DIR"));
  }
  if (answer->code != 200)
    return Fail(absl::StrCat("the agent answered ", answer->code, ": ", Printable(answer->body)));
  const absl::StatusOr<std::string> text =
      options.is_json ? IndentStatus(answer->body) : RenderStatus(answer->body);
  if (!text.ok()) return Fail(text.status());
  std::fputs(text->c_str(), stdout);
  return 0;
}

int RunVersion() {
  std::puts("sluicectl " SLUICE_VERSION);
  return 0;
}

int RunCleanup(const CleanupOptions& options) {
  if (geteuid() != 0) return Fail("only root can undo what a mesh has changed");
  if (absl::Status status = CheckNoOtherMesh(kMachineLockPath); !status.ok()) return Fail(status);
  const absl::StatusOr<std::string> programs = ProgramsFolder();
  if (!programs.ok()) return Fail(programs.status());
  absl::StatusOr<ChildProcess> undo =
      ChildProcess::Start(UndoCommand(options.state_dir, *programs));
  if (!undo.ok()) return Fail(undo.status());
  const Exit exit = undo->Wait();
  if (exit.is_clean()) return 0;
  Fail(absl::StrCat("cleaning up ended with ", exit.ToString(), "; something may be left behind"));
  return base::kExitLeftClosed;
}

int RunCommandLine(int argc, const char* const* argv) {
  const ParsedCommandLine parsed = ParseCommandLine(argc, argv);
  if (!parsed.command) {
    std::fputs(parsed.message.c_str(), parsed.exit_code == 0 ? stdout : stderr);
    return parsed.exit_code;
  }
  return std::visit(Overloaded{[](const StandaloneOptions& o) { return RunStandalone(o); },
                               [](const StatusOptions& o) { return RunStatus(o); },
                               [](const CleanupOptions& o) { return RunCleanup(o); },
                               [](const VersionOptions&) { return RunVersion(); }},
                    *parsed.command);
}

}  // namespace sluice::cli
