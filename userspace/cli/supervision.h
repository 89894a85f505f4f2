// Decides when the processes of a standalone mesh are started, restarted, stopped and killed. Pure:
// it is told what happened and when, and answers with what to do; standalone.cc does it.
//
//   phase               leaves for                when
//   kControllerStarting kAgentStarting            the controller listens
//   kAgentStarting      kRunning                  the agent is ready
//   (any of these)      kStoppingAgent            a stop is asked for, or a child that never came
//   up has exited kStoppingAgent      kUndoing                  the agent ended otherwise than by
//   exit 0
//                       kStoppingController       the agent ended by exit 0, or never ran
//   kUndoing            kStoppingController       the undo process has ended
//   kStoppingController kFinished                 the controller has ended
//
// Once the mesh has been ready, a child that dies is started again after a delay that doubles from
// restart_delay_min to restart_delay_max and falls back when the child has lived for stable_after.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "userspace/base/exit_codes.h"

namespace sluice::cli {

enum class Child : uint8_t { kController, kAgent, kUndo };
inline constexpr size_t kChildCount = 3;
const char* ChildName(Child child);

struct SupervisionLimits {
  absl::Duration restart_delay_min = absl::Milliseconds(100);
  absl::Duration restart_delay_max = absl::Seconds(5);
  absl::Duration stable_after = absl::Seconds(30);
  absl::Duration listen_deadline = absl::Seconds(20);
  absl::Duration agent_stop_deadline = absl::Seconds(20);
  absl::Duration controller_stop_deadline = absl::Seconds(5);
  absl::Duration undo_deadline = absl::Seconds(15);
};

// How a process ended.
struct Exit {
  bool is_signal = false;
  int value = 0;  // Exit status, or the number of the signal.

  bool is_clean() const { return !is_signal && value == 0; }
  bool has_left_closed() const { return !is_signal && value == base::kExitLeftClosed; }
  // Of its own accord, and so again if it were started again.
  bool has_given_up() const { return !is_signal && !is_clean() && !has_left_closed(); }
  std::string ToString() const;  // "exit status 1", "signal 9 (Killed)".
};

enum class ActionKind : uint8_t { kStart, kTerminate, kKill, kAnnounceReady, kSay, kFinish };

struct Action {
  ActionKind kind = ActionKind::kSay;
  Child child = Child::kController;  // kStart, kTerminate, kKill.
  std::string text;                  // kSay.
  int exit_code = 0;                 // kFinish.

  bool operator==(const Action&) const = default;
};
using Actions = std::vector<Action>;

class Supervision {
 public:
  explicit Supervision(const SupervisionLimits& limits) : limits_(limits) {}

  [[nodiscard]] Actions Begin(absl::Time now);
  [[nodiscard]] Actions OnControllerListening(absl::Time now);
  [[nodiscard]] Actions OnReady();
  [[nodiscard]] Actions OnExit(Child child, const Exit& exit, absl::Time now);
  // A child could not even be started (no memory, no such program). Same consequences as its death.
  [[nodiscard]] Actions OnStartFailed(Child child, const std::string& reason, absl::Time now);
  [[nodiscard]] Actions OnStopAsked(
      absl::Time now);  // Asked twice: what still runs is killed at once.
  [[nodiscard]] Actions OnTime(absl::Time now);

  bool waits_for_controller() const { return phase_ == Phase::kControllerStarting; }
  bool waits_for_ready() const { return phase_ == Phase::kAgentStarting; }
  // When OnTime must be called next; InfiniteFuture if nothing is due.
  absl::Time next_time() const;

 private:
  enum class Phase : uint8_t {
    kNew,
    kControllerStarting,
    kAgentStarting,
    kRunning,
    kStoppingAgent,
    kUndoing,
    kStoppingController,
    kFinished
  };
  struct ChildState {
    bool is_running = false;
    bool needs_undo = false;  // Ended without tidying up and was not started again since.
    absl::Time started = absl::InfinitePast();
    absl::Time restart_at = absl::InfiniteFuture();
    absl::Duration delay = absl::ZeroDuration();
  };

  ChildState& state(Child child) { return children_[static_cast<size_t>(child)]; }
  bool is_stopping() const { return phase_ >= Phase::kStoppingAgent; }
  void Start(Child child, absl::Time now, Actions& actions);
  void Restart(Child child, const std::string& how, absl::Time now, Actions& actions);
  void Fail(const std::string& text, absl::Time now, Actions& actions);
  void StopAgent(absl::Time now, Actions& actions);
  void StopController(absl::Time now, Actions& actions);
  void Finish(Actions& actions);
  void OnUnplannedEnd(Child child, const Exit* exit, const std::string& how, absl::Time now,
                      Actions& actions);
  void OnPlannedEnd(Child child, absl::Time now, Actions& actions);
  void AdmitLeftovers(Actions& actions);
  void KillOverdue(Actions& actions);

  SupervisionLimits limits_;
  Phase phase_ = Phase::kNew;
  bool has_been_ready_ = false;
  std::array<ChildState, kChildCount> children_;
  absl::Time deadline_ =
      absl::InfiniteFuture();  // Of the phase; then the child it waits for is killed.
  int exit_code_ = 0;
};

}  // namespace sluice::cli
