// A search that was stopped in any way goes on as if it had not been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lts/base/error.h"
#include "lts/job/job_test_support.h"
#include "lts/store/store.h"

namespace lts {
namespace {

using namespace job_test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SearchJobResumeTest : public SearchJobTest {
 protected:
  SearchJobOptions Resumed() const {
    SearchJobOptions options = Options();
    options.resume = true;
    return options;
  }
  void InterruptAfter(std::size_t evaluations) {
    SearchJobOptions options = Options();
    options.interrupted = [this, evaluations] { return meter_.measured.size() >= evaluations; };
    Run(options);
    meter_.measured.clear();
  }
  // The report of the same search, never interrupted, in another folder.
  ReportData Unbroken() {
    SearchJobOptions options = Options();
    options.out = folder_ / "unbroken";
    FakeMeter meter(clock_);
    return RunSearchJob(options, nullptr, &meter, clock_).report;
  }
  void ExpectRefused(const SearchJobOptions& options, const std::string& text) {
    try {
      Run(options);
      ADD_FAILURE() << "no error, expected " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(text));
      EXPECT_THAT(error.what(), HasSubstr("--resume"));
    }
    EXPECT_TRUE(meter_.measured.empty());
  }
};

TEST_F(SearchJobResumeTest, EndsWithTheSameFrontAndMeasuresNothingTwice) {
  InterruptAfter(11);
  const ReportData resumed = Run(Resumed()).report;
  EXPECT_EQ(meter_.measured.size(), 19U);
  const ReportData unbroken = Unbroken();
  EXPECT_EQ(EvaluatedIds(resumed), EvaluatedIds(unbroken));
  EXPECT_EQ(FrontCsv(resumed), FrontCsv(unbroken));
  for (std::size_t i = 0; i < resumed.evaluated.size(); ++i) {
    EXPECT_EQ(resumed.evaluated[i].iteration, unbroken.evaluated[i].iteration);
  }
}

TEST_F(SearchJobResumeTest, TheTimeBudgetGoesOnWhereItStood) {
  SearchJobOptions options = Options();
  options.budget_evaluations = 0;
  options.budget_s = 20.5;
  options.interrupted = [&] { return meter_.measured.size() >= 8; };
  EXPECT_EQ(Run(options).report.elapsed_s, 8);
  clock_.Advance(3'600'000'000'000);  // an hour between the two
  options.interrupted = nullptr;
  options.resume = true;
  const ReportData report = Run(options).report;
  EXPECT_EQ(report.evaluated.size(), 21U);
  EXPECT_EQ(report.elapsed_s, 21);
  EXPECT_EQ(report.evaluated[8].at_s, 9);
}

TEST_F(SearchJobResumeTest, AFinishedRunMayGoOnWithALargerBudget) {
  SearchJobOptions options = Options();
  options.budget_evaluations = 20;
  Run(options);
  options.resume = true;
  options.budget_evaluations = 30;
  options.command_line = "lts search --resume --budget 30";
  const ReportData report = Run(options).report;
  EXPECT_EQ(meter_.measured.size(), 30U);
  EXPECT_EQ(EvaluatedIds(report), EvaluatedIds(Unbroken()));
  EXPECT_EQ(report.run.Find("options")->Find("budget_evaluations")->AsInt(), 30);
  EXPECT_EQ(LoadReport(options.out).command_line, options.command_line);
}

TEST_F(SearchJobResumeTest, ASmallerBudgetForgetsNothing) {
  Run(Options());
  SearchJobOptions options = Resumed();
  options.budget_evaluations = 5;
  EXPECT_EQ(Run(options).report.evaluated.size(), 30U);
  options.budget_s = 0.5;
  EXPECT_EQ(Run(options).report.evaluated.size(), 30U);
}

TEST_F(SearchJobResumeTest, ResumingAFinishedRunMeasuresNothing) {
  const ReportData first = Run(Options()).report;
  meter_.measured.clear();
  const ReportData again = Run(Resumed()).report;
  EXPECT_TRUE(meter_.measured.empty());
  EXPECT_EQ(FrontCsv(again), FrontCsv(first));
}

TEST_F(SearchJobResumeTest, BeginsWhereThereIsNothingToResume) {
  EXPECT_EQ(Run(Resumed()).report.evaluated.size(), 30U);
}

TEST_F(SearchJobResumeTest, NamesTheOptionThatDiffers) {
  InterruptAfter(4);
  using O = SearchJobOptions;
  const std::pair<std::function<void(O&)>, const char*> cases[] = {
      {[](O& o) { o.seed = 9; }, "seed: got 9, the run has 1"},
      {[](O& o) { o.algorithm = "random"; }, "algorithm"},
      {[](O& o) {
         o.objectives = {"flops", "latency_ms"};
       },
       "objectives"},
      {[](O& o) { o.objectives[0] = "min:decoder_params"; }, "objectives"},
      {[](O& o) { o.constraints = {"n_layer > 1"}; }, "constraints"},
      {[](O& o) { o.workload.prompt_tokens = 17; }, "prompt: got 17, the run has 16"},
      {[](O& o) { o.workload.batch = 2; }, "batch"},
      {[](O& o) { o.config.threads = 2; }, "threads"},
      {[](O& o) { o.space = "archai-gpt2"; }, "space: got archai-gpt2, the run has tiny"},
  };
  for (const auto& [change, text] : cases) {
    SearchJobOptions options = Resumed();
    change(options);
    ExpectRefused(options, text);
  }
  EXPECT_EQ(Run(Resumed()).report.evaluated.size(), 30U);  // no harm done
}

TEST_F(SearchJobResumeTest, ASpaceFileThatChangedIsAnotherSpace) {
  InterruptAfter(4);
  std::ofstream(folder_ / "space.json")
      << R"({"name": "tiny", "vocab_size": 100, "max_seq_len": 64, "n_layer": [1, 2],
             "d_model": [32, 64], "d_inner": [32, 64], "n_head": [2, 4]})";
  ExpectRefused(Resumed(), "space: it has changed");
}

TEST_F(SearchJobResumeTest, RefusesAnotherEnvironment) {
  RunRecord run;
  {
    InterruptAfter(4);
    Store store(Out("lts.db"));
    run = *store.LastRun();
    run.environment.kernel = "Linux 0.01";
    store.CreateRun(run);
  }
  ExpectRefused(Resumed(), "Linux 0.01");
}

TEST_F(SearchJobResumeTest, AnswersAsTheRunWasToldWhateverWasMeasuredSince) {
  InterruptAfter(11);
  {
    // Another process has measured every architecture of this run again, with other results.
    Store store(Out("lts.db"));
    const RunRecord run = *store.LastRun();
    const SearchJobOptions options = Options();
    for (const RunEvaluation& evaluation : store.RunEvaluations(run.id)) {
      const Architecture architecture = *store.FindArchitecture(evaluation.architecture_id);
      Measurement m = FakeMeter::Measured(architecture, Metric::kLatencyMs);
      m.value = 1 / m.value;
      store.SaveEvaluation(architecture, {run.environment.key(), options.config, options.workload},
                           run.environment, {m});
    }
  }
  EXPECT_EQ(EvaluatedIds(Run(Resumed()).report), EvaluatedIds(Unbroken()));
}

TEST_F(SearchJobResumeTest, RefusesARunThatTheSearchDoesNotRepeat) {
  InterruptAfter(4);
  {
    Store store(Out("lts.db"));
    RunRecord run = *store.LastRun();
    const std::vector<RunEvaluation> evaluations = store.RunEvaluations(run.id);
    const Architecture architecture = *store.FindArchitecture(evaluations[1].architecture_id);
    run.id = store.CreateRun(run);
    RunEvaluation wrong = evaluations[1];
    wrong.index = 0;
    store.SaveEvaluation(architecture, {run.environment.key(), {}, {}}, run.environment, {}, run.id,
                         &wrong);
  }
  try {
    Run(Resumed());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_THAT(error.what(), HasSubstr("evaluation 0"));
  }
}

// Writes a byte for every sign of progress, so that the parent knows how far the child is without a
// clock.
class PipeObserver final : public SearchJobObserver {
 public:
  explicit PipeObserver(int pipe) : pipe_(pipe) {}
  void OnProgress(const SearchProgress& /*progress*/) override {
    if (write(pipe_, "x", 1) != 1) _exit(3);  // the parent is gone
  }

 private:
  int pipe_;
};

// Forks a child that runs the search, and kills it after `bytes` signs of progress and a little
// more. True when the child was killed rather than done.
bool RunAndKill(const std::function<void(SearchJobObserver&)>& search, std::int64_t bytes,
                std::int64_t busy_count) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    try {
      PipeObserver observer(ends[1]);
      search(observer);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
      _exit(2);
    }
    _exit(0);
  }
  close(ends[1]);
  char byte;
  while (bytes-- > 0 && read(ends[0], &byte, 1) == 1) {
  }
  volatile std::int64_t busy = busy_count;
  while (busy > 0) busy = busy - 1;
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  close(ends[0]);
  if (WIFEXITED(status)) {
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  return WIFSIGNALED(status);
}

TEST_F(SearchJobResumeTest, TwentyKillsAtRandomInstantsChangeNothing) {
  SearchJobOptions options = Resumed();
  options.budget_evaluations = 120;
  Rng rng(1066);
  int killed = 0;
  for (int attempt = 0; killed < 20 && attempt < 40; ++attempt) {
    const bool was_killed = RunAndKill(
        [&](SearchJobObserver& observer) {
          FakeClock clock;
          FakeMeter meter(clock);
          meter.backwards = attempt % 2 == 1;
          meter.one_by_one = attempt % 3 == 1;
          RunSearchJob(options, &observer, &meter, clock);
        },
        // What is replayed makes progress, too: count from where the run stands, and now and then
        // die on the way there.
        attempt % 5 == 4 ? rng.Below(3)
        : std::filesystem::exists(Out("lts.db"))
            ? std::ssize(Store(Out("lts.db")).RunEvaluations(1)) + rng.Below(12)
            : rng.Below(4),
        rng.Below(2'000'000));
    killed += was_killed ? 1 : 0;
    if (std::filesystem::exists(Out("lts.db"))) {
      EXPECT_THAT(Store(Out("lts.db")).IntegrityCheck(), IsEmpty());
    }
  }
  EXPECT_EQ(killed, 20);

  const ReportData resumed = Run(options).report;
  SearchJobOptions unbroken = options;
  unbroken.out = folder_ / "unbroken";
  FakeMeter meter(clock_);
  const ReportData expected = RunSearchJob(unbroken, nullptr, &meter, clock_).report;
  EXPECT_EQ(EvaluatedIds(resumed), EvaluatedIds(expected));
  EXPECT_EQ(WithoutTimes(ReadJsonFile(Out("front.json"))),
            WithoutTimes(ReadJsonFile(folder_ / "unbroken" / "front.json")));
  // When a candidate was found differs: a kill loses the time since the last save, not the result.
  const auto without_times = [](ReportData data) {
    for (ReportMember& member : data.evaluated) member.at_s = 0;
    return FrontCsv(data);
  };
  EXPECT_EQ(without_times(LoadReport(options.out)), without_times(expected));
  EXPECT_THAT(Store(Out("lts.db")).IntegrityCheck(), IsEmpty());
  EXPECT_EQ(Store(Out("lts.db")).LastRun()->status, "finished");
  // Killed by half, nothing was lost: one run, every evaluation once.
  EXPECT_EQ(Store(Out("lts.db")).RunEvaluations(1).size(), 120U);
  EXPECT_EQ(Store(Out("lts.db")).LastRun()->id, 1);
}

}  // namespace
}  // namespace lts
