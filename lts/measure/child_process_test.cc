#include "lts/measure/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "lts/base/error.h"
#include "tests/emulated.h"

namespace lts {
namespace {

using End = ChildProcessResult::End;

ChildProcessResult Shell(const std::string& script, std::string_view input = "",
                         const ChildProcessOptions& options = {}) {
  return RunChildProcess("/bin/sh", {"-c", script}, input, options);
}

std::ptrdiff_t OpenDescriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

TEST(ChildProcess, GivesInputAndReturnsBothOutputs) {
  const ChildProcessResult result = Shell("cat; echo oh >&2", "hello");
  EXPECT_EQ(result.end, End::kExited);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "hello");
  EXPECT_EQ(result.err, "oh\n");
}

TEST(ChildProcess, InheritsTheEnvironmentAndGetsMore) {
  ChildProcessOptions options;
  options.environment = {"LTS_TEST_WORD=new", "HOME=/elsewhere"};
  EXPECT_EQ(Shell("echo $LTS_TEST_WORD $HOME; test -n \"$PATH\"", "", options).out,
            "new /elsewhere\n");
}

TEST(ChildProcess, MovesMoreThanAPipeHolds) {
  const std::string input(3'000'000, 'x');
  ChildProcessOptions options;
  options.max_output = input.size();
  EXPECT_EQ(Shell("cat", input, options).out, input);
}

TEST(ChildProcess, KeepsOnlySoMuchOutput) {
  ChildProcessOptions options;
  options.max_output = 1000;
  const ChildProcessResult result = Shell("cat", std::string(1'000'000, 'x'), options);
  EXPECT_EQ(result.out, std::string(1000, 'x'));
  EXPECT_EQ(result.code, 0);
}

TEST(ChildProcess, ReportsExitCodeAndSignal) {
  EXPECT_EQ(Shell("exit 7").code, 7);
  const ChildProcessResult killed = Shell("kill -TERM $$");
  EXPECT_EQ(killed.end, End::kSignalled);
  EXPECT_EQ(killed.code, SIGTERM);
}

TEST(ChildProcess, SurvivesAChildThatDoesNotRead) {
  const ChildProcessResult result = Shell("exec <&-; exit 3", std::string(1'000'000, 'x'));
  EXPECT_EQ(result.end, End::kExited);
  EXPECT_EQ(result.code, 3);
}

TEST(ChildProcess, KillsAfterTheTimeout) {
  ChildProcessOptions options;
  options.timeout_s = 0.05;
  EXPECT_EQ(Shell("exec tail -f /dev/null", "", options).end, End::kTimedOut);
}

TEST(ChildProcess, KillsAChildThatClosedItsOutputsAndStays) {
  ChildProcessOptions options;
  options.timeout_s = 0.05;
  EXPECT_EQ(Shell("exec >&- 2>&-; while :; do :; done", "", options).end, End::kTimedOut);
}

TEST(ChildProcess, DoesNotWaitForGrandchildren) {
  const ChildProcessResult result = Shell("tail -f /dev/null & echo $!; exit 5");
  EXPECT_EQ(result.code, 5);
  kill(std::stoi(result.out), SIGKILL);
}

TEST(ChildProcess, StopEndsIt) {
  ChildProcessOptions options;
  int asked = 0;
  options.stop = [&] { return ++asked == 2; };
  EXPECT_EQ(Shell("exec tail -f /dev/null", "", options).end, End::kStopped);
}

// qemu-user makes every vfork a fork, so posix_spawn cannot tell of what went wrong in the child:
// there, a program that cannot be started is one that exits with 127.
TEST(ChildProcess, ThrowsWhenTheProgramCannotBeStarted) {
  if (Emulated()) GTEST_SKIP() << "emulated: posix_spawn does not tell of a failed exec";
  const std::ptrdiff_t before = OpenDescriptors();
  for (const char* program : {"/nonexistent/program", "/etc/passwd", "/"}) {
    try {
      RunChildProcess(program, {}, "", {});
      FAIL() << program;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo);
      EXPECT_NE(std::string(error.what()).find(program), std::string::npos) << error.what();
    }
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(ChildProcess, LeavesNoDescriptorAndNoZombie) {
  const std::ptrdiff_t before = OpenDescriptors();
  Shell("echo");
  ChildProcessOptions options;
  options.timeout_s = 0.01;
  Shell("exec tail -f /dev/null", "", options);
  options.timeout_s = 10;
  options.stop = []() -> bool { throw Error(ErrorCode::kCancelled, "from stop"); };
  EXPECT_THROW(Shell("exec tail -f /dev/null", "", options), Error);
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(ChildProcess, TheChildInheritsNoDescriptorOfOurs) {
  const int ours = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  const int high = fcntl(ours, F_DUPFD, 200);
  const ChildProcessResult result =
      Shell("[ ! -e /proc/$$/fd/" + std::to_string(high) + " ] && echo none");
  close(high);
  close(ours);
  EXPECT_EQ(result.out, "none\n");
}

// A script in place of an emulator, which says how it was called.
class FakeEmulator {
 public:
  FakeEmulator() : path_(testing::TempDir() + "lts_fake_emulator") {
    std::ofstream(path_) << "#!/bin/sh\necho \"emulated $*\"\n";
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
    setenv("LTS_EMULATOR", path_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  ~FakeEmulator() {
    if (before_) {
      setenv("LTS_EMULATOR", before_->c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    } else {
      unsetenv("LTS_EMULATOR");  // NOLINT(concurrency-mt-unsafe)
    }
    std::filesystem::remove(path_);
  }
  FakeEmulator(const FakeEmulator&) = delete;
  FakeEmulator& operator=(const FakeEmulator&) = delete;

 private:
  std::string path_;
  std::optional<std::string> before_ = Before();

  static std::optional<std::string> Before() {
    const char* value = std::getenv("LTS_EMULATOR");  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }
};

TEST(ChildProcess, StartsItsOwnKindOfProgramThroughTheEmulator) {
  const FakeEmulator emulator;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  EXPECT_EQ(RunChildProcess("/proc/self/exe", {"a", "b c"}, "", {}).out,
            "emulated " + self + " a b c\n");
}

TEST(ChildProcess, StartsAScriptWithoutTheEmulator) {
  const FakeEmulator emulator;
  const std::string script = testing::TempDir() + "lts_plain_script";
  std::ofstream(script) << "#!/bin/sh\necho plain $*\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  EXPECT_EQ(RunChildProcess(script, {"a"}, "", {}).out, "plain a\n");
  std::filesystem::remove(script);
}

TEST(ChildProcess, TheChildHasDefaultSignals) {
  std::signal(SIGPIPE, SIG_IGN);
  const ChildProcessResult result = Shell("kill -PIPE $$; echo survived");
  std::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(result.end, End::kSignalled);
  EXPECT_EQ(result.code, SIGPIPE);
}

}  // namespace
}  // namespace lts
