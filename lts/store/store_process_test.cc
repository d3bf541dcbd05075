// Several processes on one file, processes that are killed, and disks that fill up. No test sleeps:
// processes tell each other through pipes how far they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/store/store.h"
#include "lts/store/store_test_data.h"

namespace lts {
namespace {

using namespace store_test;  // NOLINT(google-build-using-namespace)
using ::testing::IsEmpty;

// A forked copy of this process that runs `body` with the writing end of a pipe and ends with its
// result, or with 99 on an exception. Only for single-threaded moments.
class Child {
 public:
  explicit Child(const std::function<int(int pipe)>& body) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      int code = 99;
      try {
        code = body(ends[1]);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
      }
      _exit(code);
    }
    close(ends[1]);
    pipe_ = ends[0];
  }
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(pipe_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Up to `count` bytes; fewer at the end of the pipe.
  std::int64_t Read(std::int64_t count) const {
    char byte;
    std::int64_t got = 0;
    while (got < count && read(pipe_, &byte, 1) == 1) ++got;
    return got;
  }
  void Kill() { kill(pid_, SIGKILL); }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

bool Acknowledge(int pipe) { return write(pipe, "x", 1) == 1; }

class StoreProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        store_test::ScratchFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path() const { return folder_ / "lts.db"; }

  std::filesystem::path folder_;
};

// Appends evaluations to run 1 from where it stands, acknowledging each on the pipe after the call
// has returned.
int AppendUntilKilled(const std::string& path, int pipe) {
  Store store(path);
  std::int64_t index = std::ssize(store.RunEvaluations(1));
  for (;; ++index) {
    const RunEvaluation evaluation = SomeEvaluation(index);
    store.SaveEvaluation(SomeArchitecture(index), SomeKey(), SomeEnvironment(),
                         {SomeMeasurement(Metric::kLatencyMs, 1.0 + static_cast<double>(index))}, 1,
                         &evaluation);
    if (!Acknowledge(pipe)) return 0;
  }
}

TEST_F(StoreProcessTest, AKilledWriterLosesNothingThatWasAcknowledged) {
  Store(Path()).CreateRun(SomeRun());
  Rng rng(2024);
  std::int64_t acknowledged = 0;
  for (int kill = 0; kill < 20; ++kill) {
    Child child([&](int pipe) { return AppendUntilKilled(Path(), pipe); });
    acknowledged += child.Read(rng.Below(6));
    // Somewhere inside the next call or two.
    volatile std::int64_t busy = rng.Below(1'000'000);
    while (busy > 0) busy = busy - 1;
    child.Kill();
    EXPECT_EQ(child.Wait(), -SIGKILL);
    acknowledged += child.Read(std::numeric_limits<std::int64_t>::max());

    Store store(Path());
    EXPECT_THAT(store.IntegrityCheck(), IsEmpty());
    const std::vector<RunEvaluation> evaluations = store.RunEvaluations(1);
    ASSERT_GE(std::ssize(evaluations), acknowledged);
    // A call that was finished but not acknowledged any more is there, too; none is there by half.
    for (const RunEvaluation& evaluation : evaluations) {
      EXPECT_EQ(evaluation, SomeEvaluation(evaluation.index));
      const auto measurements = store.FindMeasurements(evaluation.architecture_id, SomeKey());
      ASSERT_EQ(measurements.size(), 1U);
      EXPECT_EQ(measurements[0].value, 1.0 + static_cast<double>(evaluation.index));
      EXPECT_TRUE(store.FindArchitecture(evaluation.architecture_id).has_value());
    }
    acknowledged = std::ssize(evaluations);
  }
  EXPECT_GT(acknowledged, 20);
}

TEST_F(StoreProcessTest, AProcessKilledWhileItCreatesTheStoreLeavesAUsableFile) {
  Rng rng(7);
  for (int i = 0; i < 20; ++i) {
    Child child([&](int pipe) {
      if (!Acknowledge(pipe)) return 1;
      Store store(Path());
      return 0;
    });
    child.Read(1);
    volatile std::int64_t busy = rng.Below(3'000'000);
    while (busy > 0) busy = busy - 1;
    child.Kill();
    child.Wait();
    EXPECT_THAT(Store(Path()).IntegrityCheck(), IsEmpty());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
}

TEST_F(StoreProcessTest, ProcessesMayCreateOneStoreAtOnceAndWriteToItTogether) {
  constexpr std::int64_t kProcesses = 3;
  constexpr std::int64_t kEach = 15;
  {
    std::vector<std::unique_ptr<Child>> children;
    for (std::int64_t p = 0; p < kProcesses; ++p) {
      children.push_back(std::make_unique<Child>([&, p](int /*pipe*/) {
        Store store(Path());
        const std::int64_t run = store.CreateRun(SomeRun());
        for (std::int64_t i = 0; i < kEach; ++i) {
          RunEvaluation evaluation = SomeEvaluation(i);
          const Architecture architecture = SomeArchitecture(p * kEach + i);
          evaluation.architecture_id = architecture.Id();
          store.SaveEvaluation(architecture, SomeKey(), SomeEnvironment(), {SomeMeasurement()}, run,
                               &evaluation);
          if (store.RunEvaluations(run).size() != static_cast<std::size_t>(i + 1)) return 1;
        }
        return 0;
      }));
    }
    for (const auto& child : children) EXPECT_EQ(child->Wait(), 0);
  }
  Store store(Path());
  EXPECT_THAT(store.IntegrityCheck(), IsEmpty());
  EXPECT_EQ(store.LastRun()->id, kProcesses);
  for (std::int64_t i = 0; i < kProcesses * kEach; ++i) {
    EXPECT_EQ(store.FindMeasurements(SomeArchitecture(i).Id(), SomeKey()).size(), 1U);
  }
}

TEST_F(StoreProcessTest, ThreadsWithAStoreEachMayReadAndWriteTogether) {
  constexpr std::int64_t kEach = 15;
  const std::int64_t run = Store(Path()).CreateRun(SomeRun());
  const auto write = [&](std::int64_t first) {
    Store store(Path());
    for (std::int64_t i = first; i < first + kEach; ++i) {
      store.SaveEvaluation(SomeArchitecture(i), SomeKey(), SomeEnvironment(), {SomeMeasurement()});
    }
  };
  std::thread a(write, 0);
  std::thread b(write, kEach);
  std::thread reader([&] {
    Store store(Path());
    for (int i = 0; i < 30; ++i) {
      EXPECT_TRUE(store.FindRun(run).has_value());
      for (const Measurement& m : store.FindMeasurements(SomeArchitecture(3).Id(), SomeKey())) {
        EXPECT_EQ(m.value, SomeMeasurement().value);
      }
    }
  });
  a.join();
  b.join();
  reader.join();
  Store store(Path());
  for (std::int64_t i = 0; i < 2 * kEach; ++i) {
    EXPECT_EQ(store.FindMeasurements(SomeArchitecture(i).Id(), SomeKey()).size(), 1U);
  }
}

// A limit on the size of files stands in for the end of the disk: both refuse to extend the file.
TEST_F(StoreProcessTest, AFullDiskIsAnErrorAndKeepsWhatWasSaved) {
  Store(Path()).CreateRun(SomeRun());
  Child child([&](int pipe) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{300'000, 300'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    try {
      AppendUntilKilled(Path(), pipe);
    } catch (const Error& error) {
      const bool named = std::string(error.what()).find(Path()) != std::string::npos;
      return error.code() == ErrorCode::kIo && named ? 42 : 2;
    }
    return 3;
  });
  const std::int64_t acknowledged = child.Read(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(child.Wait(), 42);
  EXPECT_GT(acknowledged, 3);
  Store store(Path());
  EXPECT_THAT(store.IntegrityCheck(), IsEmpty());
  EXPECT_EQ(std::ssize(store.RunEvaluations(1)), acknowledged);
}

}  // namespace
}  // namespace lts
