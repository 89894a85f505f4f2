#include "userspace/cli/supervision.h"

#include <cstring>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sluice::cli {
namespace {

Action Say(std::string text) { return {.kind = ActionKind::kSay, .text = std::move(text)}; }

}  // namespace

const char* ChildName(Child child) {
  switch (child) {
    case Child::kController:
      return "controller";
    case Child::kAgent:
      return "agent";
    case Child::kUndo:
      return "undo";
  }
  return "?";
}

std::string Exit::ToString() const {
  if (is_signal) return absl::StrCat("signal ", value, " (", strsignal(value), ")");
  return absl::StrCat("exit status ", value);
}

Actions Supervision::Begin(absl::Time now) {
  Actions actions;
  phase_ = Phase::kControllerStarting;
  deadline_ = now + limits_.listen_deadline;
  Start(Child::kController, now, actions);
  return actions;
}

Actions Supervision::OnControllerListening(absl::Time now) {
  Actions actions;
  if (phase_ != Phase::kControllerStarting) return actions;
  phase_ = Phase::kAgentStarting;
  deadline_ =
      absl::InfiniteFuture();  // Pods may come up late: readiness has no deadline of its own.
  Start(Child::kAgent, now, actions);
  return actions;
}

Actions Supervision::OnReady() {
  if (phase_ != Phase::kAgentStarting) return {};
  phase_ = Phase::kRunning;
  has_been_ready_ = true;
  return {{.kind = ActionKind::kAnnounceReady}};
}

Actions Supervision::OnExit(Child child, const Exit& exit, absl::Time now) {
  Actions actions;
  state(child).is_running = false;
  // Asked to stop by us, an agent that ends well has undone everything; not so if SIGTERM, sent to
  // all of us at once, was faster. Else it leaves its pods closed, unless it gave up while
  // starting, when it had none yet: those of an earlier run stay closed until a mesh or an operator
  // takes them over.
  const bool has_given_up = exit.has_given_up() && !has_been_ready_;
  state(child).needs_undo =
      child == Child::kAgent &&
      (is_stopping() ? !exit.is_clean() : state(child).needs_undo || !has_given_up);
  if (is_stopping()) {
    if (!exit.is_clean()) {
      actions.push_back(
          Say(absl::StrCat("the ", ChildName(child), " process ended with ", exit.ToString())));
    }
    if (child == Child::kUndo && !exit.is_clean()) AdmitLeftovers(actions);
    OnPlannedEnd(child, now, actions);
  } else {
    OnUnplannedEnd(child, &exit, exit.ToString(), now, actions);
  }
  return actions;
}

Actions Supervision::OnStartFailed(Child child, const std::string& reason, absl::Time now) {
  Actions actions;
  state(child).is_running = false;
  if (is_stopping()) {
    actions.push_back(
        Say(absl::StrCat("the ", ChildName(child), " process could not be started: ", reason)));
    if (child == Child::kUndo) AdmitLeftovers(actions);
    OnPlannedEnd(child, now, actions);
  } else {
    OnUnplannedEnd(child, nullptr, reason, now, actions);
  }
  return actions;
}

Actions Supervision::OnStopAsked(absl::Time now) {
  Actions actions;
  if (is_stopping()) {
    actions.push_back(Say("asked to stop again: killing what still runs"));
    KillOverdue(actions);
    return actions;
  }
  StopAgent(now, actions);
  return actions;
}

Actions Supervision::OnTime(absl::Time now) {
  Actions actions;
  for (const Child child : {Child::kController, Child::kAgent}) {
    if (now >= state(child).restart_at && !state(child).is_running && !is_stopping())
      Start(child, now, actions);
  }
  if (now < deadline_) return actions;
  if (phase_ == Phase::kControllerStarting) {
    Fail(absl::StrCat("the controller does not listen after ",
                      absl::FormatDuration(limits_.listen_deadline)),
         now, actions);
  } else if (is_stopping()) {
    KillOverdue(actions);
  }
  return actions;
}

absl::Time Supervision::next_time() const {
  absl::Time next = deadline_;
  for (const ChildState& child : children_) next = std::min(next, child.restart_at);
  return next;
}

void Supervision::Start(Child child, absl::Time now, Actions& actions) {
  ChildState& started = state(child);
  started.is_running = true;
  started.started = now;
  started.restart_at = absl::InfiniteFuture();
  actions.push_back({.kind = ActionKind::kStart, .child = child});
}

void Supervision::Restart(Child child, const std::string& how, absl::Time now, Actions& actions) {
  ChildState& dead = state(child);
  const bool was_stable = now - dead.started >= limits_.stable_after;
  dead.delay = was_stable || dead.delay == absl::ZeroDuration()
                   ? limits_.restart_delay_min
                   : std::min(dead.delay * 2, limits_.restart_delay_max);
  dead.restart_at = now + dead.delay;
  actions.push_back(Say(absl::StrCat("the ", ChildName(child), " ended with ", how,
                                     "; starting it again in ", absl::FormatDuration(dead.delay))));
}

void Supervision::Fail(const std::string& text, absl::Time now, Actions& actions) {
  actions.push_back(Say(text));
  exit_code_ = 1;
  StopAgent(now, actions);
}

// A child that gives up by itself before the mesh was ever ready has said why and would only say it
// again.
void Supervision::OnUnplannedEnd(Child child, const Exit* exit, const std::string& how,
                                 absl::Time now, Actions& actions) {
  const bool has_given_up = exit == nullptr || exit->has_given_up();
  if (phase_ != Phase::kRunning && has_given_up) {
    Fail(absl::StrCat("the ", ChildName(child), " could not start: ", how,
                      "; its own messages are above"),
         now, actions);
    return;
  }
  Restart(child, how, now, actions);
}

void Supervision::AdmitLeftovers(Actions& actions) {
  exit_code_ = base::kExitLeftClosed;
  actions.push_back(Say("something of the mesh may be left behind: run `sluicectl cleanup`"));
}

void Supervision::OnPlannedEnd(Child child, absl::Time now, Actions& actions) {
  switch (child) {
    case Child::kAgent:
      if (phase_ == Phase::kStoppingAgent) StopAgent(now, actions);
      return;
    case Child::kUndo:
      StopController(now, actions);
      return;
    case Child::kController:
      if (phase_ == Phase::kStoppingController) Finish(actions);
      return;
  }
}

void Supervision::StopAgent(absl::Time now, Actions& actions) {
  for (ChildState& child : children_) child.restart_at = absl::InfiniteFuture();
  if (state(Child::kAgent).is_running) {
    phase_ = Phase::kStoppingAgent;
    deadline_ = now + limits_.agent_stop_deadline;
    actions.push_back({.kind = ActionKind::kTerminate, .child = Child::kAgent});
  } else if (state(Child::kAgent).needs_undo) {
    phase_ = Phase::kUndoing;
    deadline_ = now + limits_.undo_deadline;
    Start(Child::kUndo, now, actions);
  } else {
    StopController(now, actions);
  }
}

void Supervision::StopController(absl::Time now, Actions& actions) {
  phase_ = Phase::kStoppingController;
  deadline_ = now + limits_.controller_stop_deadline;
  if (!state(Child::kController).is_running) return Finish(actions);
  actions.push_back({.kind = ActionKind::kTerminate, .child = Child::kController});
}

void Supervision::Finish(Actions& actions) {
  phase_ = Phase::kFinished;
  deadline_ = absl::InfiniteFuture();
  actions.push_back({.kind = ActionKind::kFinish, .exit_code = exit_code_});
}

void Supervision::KillOverdue(Actions& actions) {
  deadline_ = absl::InfiniteFuture();
  const Child child = phase_ == Phase::kStoppingAgent ? Child::kAgent
                      : phase_ == Phase::kUndoing     ? Child::kUndo
                                                      : Child::kController;
  if (!state(child).is_running) return;
  actions.push_back(
      Say(absl::StrCat("the ", ChildName(child), " has not ended in time: killing it")));
  actions.push_back({.kind = ActionKind::kKill, .child = child});
}

}  // namespace sluice::cli
