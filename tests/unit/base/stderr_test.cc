#include "userspace/base/stderr.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "userspace/base/log.h"
#include "userspace/base/unique_fd.h"

namespace sluice::base {
namespace {

// stderr is `fd` while this lives.
class StderrIs {
 public:
  explicit StderrIs(int fd) : before_(dup(STDERR_FILENO)) { dup2(fd, STDERR_FILENO); }
  ~StderrIs() { dup2(before_.get(), STDERR_FILENO); }

 private:
  UniqueFd before_;
};

struct Ends {
  UniqueFd reader, writer;
};

Ends MakePipe() {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Until it takes no byte more; returns how many it took.
size_t FillStderr() {
  size_t taken = 0;
  while (WriteToStderr("x")) ++taken;
  return taken;
}

std::string ReadAll(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  std::string out(1 << 20, '\0');
  const ssize_t count = read(fd, out.data(), out.size());
  out.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return out;
}

TEST(StderrTest, FullPipeOfOurOwnTakesNoMoreAndHoldsNobodyUp) {
  Ends ends = MakePipe();
  StderrIs pipe(ends.writer.get());
  PrepareStandardStreams();

  EXPECT_GT(FillStderr(), 0u);
  EXPECT_FALSE(WriteToStderr("more"));
}

TEST(StderrTest, OpenFileThatIsSharedWithOthersStaysAsItIs) {
  Ends ends = MakePipe();
  StderrIs pipe(ends.writer.get());
  PrepareStandardStreams();

  EXPECT_EQ(fcntl(ends.writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(StderrTest, FullPipeThatBlocksHoldsNobodyUp) {
  Ends ends = MakePipe();
  StderrIs pipe(ends.writer.get());

  EXPECT_GT(FillStderr(), 0u);
}

TEST(StderrTest, FullSocketHoldsNobodyUp) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd reader(ends[0]), writer(ends[1]);
  StderrIs socket(writer.get());
  PrepareStandardStreams();

  EXPECT_GT(FillStderr(), 0u);
}

TEST(StderrTest, ReaderThatWentAwayEndsNobody) {
  Ends ends = MakePipe();
  StderrIs pipe(ends.writer.get());
  PrepareStandardStreams();
  ends.reader.Reset();

  EXPECT_FALSE(WriteToStderr("nobody reads this"));
}

TEST(StderrTest, ClosedStreamsAreNotLeftForOtherFiles) {
  UniqueFd input(dup(STDIN_FILENO));
  close(STDIN_FILENO);
  PrepareStandardStreams();

  EXPECT_GE(fcntl(STDIN_FILENO, F_GETFD), 0);
  if (input.is_valid()) dup2(input.get(), STDIN_FILENO);
}

TEST(StderrTest, LogTellsHowManyLinesWereLost) {
  StartLog("unit");
  Ends ends = MakePipe();
  StderrIs pipe(ends.writer.get());
  PrepareStandardStreams();
  FillStderr();
  LogInfo("first");
  LogInfo("second");
  ReadAll(ends.reader.get());
  LogInfo("third");

  const std::string read = ReadAll(ends.reader.get());
  EXPECT_NE(read.find("warning unit lines of this log were lost: nobody took them count=2\n"),
            std::string::npos)
      << read;
  EXPECT_NE(read.find("info unit third\n"), std::string::npos) << read;
  EXPECT_EQ(read.find("first"), std::string::npos);
}

}  // namespace
}  // namespace sluice::base
