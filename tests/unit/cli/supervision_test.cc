#include "userspace/cli/supervision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

namespace sluice::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1000);
constexpr Exit kClean = {.is_signal = false, .value = 0};
constexpr Exit kGaveUp = {.is_signal = false, .value = 1};
constexpr Exit kLeftClosed = {.is_signal = false, .value = base::kExitLeftClosed};
constexpr Exit kKilled = {.is_signal = true, .value = SIGKILL};

Action Start(Child child) { return {.kind = ActionKind::kStart, .child = child}; }
Action Terminate(Child child) { return {.kind = ActionKind::kTerminate, .child = child}; }
Action Kill(Child child) { return {.kind = ActionKind::kKill, .child = child}; }
Action Finish(int code) { return {.kind = ActionKind::kFinish, .exit_code = code}; }
Action Ready() { return {.kind = ActionKind::kAnnounceReady}; }

// What is said is for people; tests look at what is done.
Actions Deeds(const Actions& actions) {
  Actions deeds;
  for (const Action& action : actions) {
    if (action.kind != ActionKind::kSay) deeds.push_back(action);
  }
  return deeds;
}

Supervision Running() {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);
  (void)supervision.OnReady();
  return supervision;
}

TEST(SupervisionTest, StartsTheAgentOnlyWhenTheControllerListens) {
  Supervision supervision{SupervisionLimits{}};

  EXPECT_THAT(Deeds(supervision.Begin(kStart)), ElementsAre(Start(Child::kController)));
  EXPECT_TRUE(supervision.waits_for_controller());
  EXPECT_THAT(Deeds(supervision.OnControllerListening(kStart)), ElementsAre(Start(Child::kAgent)));
  EXPECT_TRUE(supervision.waits_for_ready());
}

TEST(SupervisionTest, AnnouncesReadyOnce) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);

  EXPECT_THAT(supervision.OnReady(), ElementsAre(Ready()));
  EXPECT_THAT(supervision.OnReady(), IsEmpty());
}

TEST(SupervisionTest, GivesUpWhenTheControllerNeverListens) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);

  EXPECT_THAT(Deeds(supervision.OnTime(kStart + absl::Seconds(20))),
              ElementsAre(Terminate(Child::kController)));
  EXPECT_THAT(Deeds(supervision.OnExit(Child::kController, kClean, kStart + absl::Seconds(21))),
              ElementsAre(Finish(1)));
}

TEST(SupervisionTest, GivesUpWhenTheAgentExitsBeforeReady) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kGaveUp, kStart)),
              ElementsAre(Terminate(Child::kController)));
  EXPECT_THAT(Deeds(supervision.OnExit(Child::kController, kClean, kStart)),
              ElementsAre(Finish(1)));
}

TEST(SupervisionTest, GivesUpWhenTheAgentProgramCannotBeRun) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);

  EXPECT_THAT(Deeds(supervision.OnStartFailed(Child::kAgent, "no such file", kStart)),
              ElementsAre(Terminate(Child::kController)));
}

TEST(SupervisionTest, RestartsAnAgentThatIsKilledBeforeReady) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kKilled, kStart)), IsEmpty());
  EXPECT_THAT(Deeds(supervision.OnTime(kStart + absl::Milliseconds(100))),
              ElementsAre(Start(Child::kAgent)));
}

TEST(SupervisionTest, RestartsTheControllerAfterADelayOnceTheMeshHasRun) {
  Supervision supervision = Running();

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kController, kGaveUp, kStart + absl::Seconds(1))),
              IsEmpty());
  EXPECT_EQ(supervision.next_time(), kStart + absl::Milliseconds(1100));
  EXPECT_THAT(Deeds(supervision.OnTime(kStart + absl::Milliseconds(1099))), IsEmpty());
  EXPECT_THAT(Deeds(supervision.OnTime(kStart + absl::Milliseconds(1100))),
              ElementsAre(Start(Child::kController)));
}

TEST(SupervisionTest, DoublesTheDelayOfAChildThatKeepsDyingUpToTheLimit) {
  Supervision supervision = Running();
  absl::Time now = kStart;

  std::vector<absl::Duration> delays;
  for (int i = 0; i < 8; ++i) {
    (void)supervision.OnExit(Child::kAgent, kKilled, now);
    delays.push_back(supervision.next_time() - now);
    now = supervision.next_time();
    (void)supervision.OnTime(now);
  }

  EXPECT_THAT(delays,
              ElementsAre(absl::Milliseconds(100), absl::Milliseconds(200), absl::Milliseconds(400),
                          absl::Milliseconds(800), absl::Milliseconds(1600),
                          absl::Milliseconds(3200), absl::Seconds(5), absl::Seconds(5)));
}

TEST(SupervisionTest, ForgetsTheDelayOfAChildThatHasLivedLong) {
  Supervision supervision = Running();
  (void)supervision.OnExit(Child::kAgent, kKilled, kStart);
  (void)supervision.OnTime(kStart + absl::Milliseconds(100));

  (void)supervision.OnExit(Child::kAgent, kKilled, kStart + absl::Seconds(60));

  EXPECT_EQ(supervision.next_time(), kStart + absl::Seconds(60) + absl::Milliseconds(100));
}

TEST(SupervisionTest, StopsTheAgentFirstThenTheControllerAndExitsZero) {
  Supervision supervision = Running();

  EXPECT_THAT(Deeds(supervision.OnStopAsked(kStart)), ElementsAre(Terminate(Child::kAgent)));
  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kClean, kStart)),
              ElementsAre(Terminate(Child::kController)));
  EXPECT_THAT(Deeds(supervision.OnExit(Child::kController, kClean, kStart)),
              ElementsAre(Finish(0)));
}

TEST(SupervisionTest, KillsAnAgentThatMissesItsDeadlineAndUndoesItsWork) {
  Supervision supervision = Running();
  (void)supervision.OnStopAsked(kStart);

  EXPECT_THAT(Deeds(supervision.OnTime(kStart + absl::Seconds(20))),
              ElementsAre(Kill(Child::kAgent)));
  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kKilled, kStart + absl::Seconds(20))),
              ElementsAre(Start(Child::kUndo)));
  EXPECT_THAT(Deeds(supervision.OnExit(Child::kUndo, kClean, kStart + absl::Seconds(21))),
              ElementsAre(Terminate(Child::kController)));
  EXPECT_THAT(Deeds(supervision.OnExit(Child::kController, kClean, kStart + absl::Seconds(21))),
              ElementsAre(Finish(0)));
}

TEST(SupervisionTest, SaysByItsExitCodeThatTheUndoFailed) {
  Supervision supervision = Running();
  (void)supervision.OnStopAsked(kStart);
  (void)supervision.OnExit(Child::kAgent, kKilled, kStart);

  (void)supervision.OnExit(Child::kUndo, kGaveUp, kStart);

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kController, kClean, kStart)),
              ElementsAre(Finish(base::kExitLeftClosed)));
}

TEST(SupervisionTest, UndoesAtOnceWhenTheAgentIsDeadAtTheTimeOfTheStop) {
  Supervision supervision = Running();
  (void)supervision.OnExit(Child::kAgent, kKilled, kStart);

  EXPECT_THAT(Deeds(supervision.OnStopAsked(kStart)), ElementsAre(Start(Child::kUndo)));
  EXPECT_EQ(supervision.next_time(), kStart + absl::Seconds(15));
}

TEST(SupervisionTest, RestartsAnAgentThatSomebodyElseAskedToEnd) {
  Supervision supervision = Running();

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kLeftClosed, kStart)), IsEmpty());
  EXPECT_THAT(Deeds(supervision.OnTime(kStart + absl::Milliseconds(100))),
              ElementsAre(Start(Child::kAgent)));
}

TEST(SupervisionTest, UndoesWhatAnAgentLeftThatSomebodyElseAskedToEnd) {
  Supervision supervision = Running();
  (void)supervision.OnExit(Child::kAgent, kLeftClosed, kStart);

  EXPECT_THAT(Deeds(supervision.OnStopAsked(kStart)), ElementsAre(Start(Child::kUndo)));
}

TEST(SupervisionTest, RestartsAnAgentThatWasAskedToEndBeforeReady) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kLeftClosed, kStart)), IsEmpty());
  EXPECT_THAT(Deeds(supervision.OnTime(kStart + absl::Milliseconds(100))),
              ElementsAre(Start(Child::kAgent)));
}

TEST(SupervisionTest, UndoesWhenTheAgentFailsWhileItIsAskedToStop) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);
  (void)supervision.OnStopAsked(kStart);

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kGaveUp, kStart)),
              ElementsAre(Start(Child::kUndo)));
}

TEST(SupervisionTest, UndoesWhenTheAgentWasAskedToEndByAnotherJustBeforeUs) {
  Supervision supervision = Running();
  (void)supervision.OnStopAsked(kStart);

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kLeftClosed, kStart)),
              ElementsAre(Start(Child::kUndo)));
}

TEST(SupervisionTest, UndoesAfterASecondStartThatFailed) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);
  (void)supervision.OnExit(Child::kAgent, kKilled, kStart);  // It may have captured pods.
  (void)supervision.OnTime(kStart + absl::Milliseconds(100));

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kGaveUp, kStart + absl::Seconds(1))),
              ElementsAre(Start(Child::kUndo)));
}

TEST(SupervisionTest, SaysByItsExitCodeThatAChildCouldNotStartThoughAllIsUndone) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);
  (void)supervision.OnControllerListening(kStart);
  (void)supervision.OnExit(Child::kAgent, kKilled, kStart);
  (void)supervision.OnTime(kStart + absl::Milliseconds(100));
  (void)supervision.OnExit(Child::kAgent, kGaveUp, kStart + absl::Seconds(1));
  (void)supervision.OnExit(Child::kUndo, kClean, kStart + absl::Seconds(1));

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kController, kClean, kStart + absl::Seconds(1))),
              ElementsAre(Finish(1)));
}

TEST(SupervisionTest, KillsAtOnceWhenAskedToStopTwice) {
  Supervision supervision = Running();
  (void)supervision.OnStopAsked(kStart);

  EXPECT_THAT(Deeds(supervision.OnStopAsked(kStart)), ElementsAre(Kill(Child::kAgent)));
}

TEST(SupervisionTest, DoesNotRestartAControllerThatDiesWhileStopping) {
  Supervision supervision = Running();
  (void)supervision.OnStopAsked(kStart);

  EXPECT_THAT(Deeds(supervision.OnExit(Child::kController, kKilled, kStart)), IsEmpty());
  EXPECT_THAT(Deeds(supervision.OnExit(Child::kAgent, kClean, kStart)), ElementsAre(Finish(0)));
}

TEST(SupervisionTest, StopsBeforeReadyToo) {
  Supervision supervision{SupervisionLimits{}};
  (void)supervision.Begin(kStart);

  EXPECT_THAT(Deeds(supervision.OnStopAsked(kStart)), ElementsAre(Terminate(Child::kController)));
  EXPECT_FALSE(supervision.waits_for_controller());
}

}  // namespace
}  // namespace sluice::cli
