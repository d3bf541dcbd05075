// Whatever is wrong is said in one line, before anything is written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <limits>

#include "lts/base/error.h"
#include "lts/job/job_test_support.h"
#include "lts/store/store.h"

namespace lts {
namespace {

using namespace job_test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using ::testing::Not;

class SearchJobErrorTest : public SearchJobTest {
 protected:
  void ExpectError(const SearchJobOptions& options, ErrorCode code, const std::string& text) {
    SCOPED_TRACE(text);
    try {
      Run(options);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(text));
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    }
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
    EXPECT_EQ(meter_.calls, 0);
  }
  template <typename Change>
  void ExpectErrorAfter(const Change& change, ErrorCode code, const std::string& text) {
    SearchJobOptions options = Options();
    change(options);
    ExpectError(options, code, text);
  }
};

TEST_F(SearchJobErrorTest, RefusesUnknownNamesWithASuggestion) {
  using O = SearchJobOptions;
  const auto kNotFound = ErrorCode::kNotFound;
  ExpectErrorAfter([](O& o) { o.objectives = {"latncy_ms"}; }, kNotFound, "latency_ms");
  ExpectErrorAfter([](O& o) { o.objectives = {"max:decoder_parms"}; }, kNotFound, "decoder_params");
  ExpectErrorAfter([](O& o) { o.algorithm = "archai-evolutoin"; }, kNotFound, "archai-evolution");
  ExpectErrorAfter([](O& o) { o.space = "archai-gtp2"; }, kNotFound, "archai-gpt2");
  ExpectErrorAfter([](O& o) { o.config.runtime = "refrence"; }, kNotFound, "reference");
  ExpectErrorAfter([](O& o) { o.constraints = {"d_iner > 3"}; }, kNotFound, "d_inner");
  ExpectErrorAfter([](O& o) { o.constraints = {"latency_ms < d_modl"}; }, kNotFound, "d_model");
  ExpectErrorAfter([](O& o) { o.constraints = {"latency_m < 3"}; }, kNotFound, "latency_ms");
}

TEST_F(SearchJobErrorTest, RefusesUnknownParametersOfTheAlgorithm) {
  SearchJobOptions options = Options();
  options.parameters["no_such_parameter"] = 3;
  try {
    Run(options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no_such_parameter"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

TEST_F(SearchJobErrorTest, RefusesBadValues) {
  using O = SearchJobOptions;
  const auto kInvalid = ErrorCode::kInvalidArgument;
  ExpectErrorAfter([](O& o) { o.objectives.clear(); }, kInvalid, "objectives");
  ExpectErrorAfter([](O& o) { o.objectives = {"flops", "min:flops"}; }, kInvalid, "twice");
  ExpectErrorAfter([](O& o) { o.objectives = {"least:flops"}; }, kInvalid, "'min:' or 'max:'");
  ExpectErrorAfter([](O& o) { o.objectives.assign(9, "flops"); }, kInvalid, "1 to 8");
  ExpectErrorAfter([](O& o) { o.budget_evaluations = 0; }, kInvalid, "budget");
  ExpectErrorAfter([](O& o) { o.budget_evaluations = -5; }, kInvalid, "-5");
  ExpectErrorAfter([](O& o) { o.budget_s = -1; }, kInvalid, "budget");
  ExpectErrorAfter([](O& o) { o.budget_s = std::numeric_limits<double>::quiet_NaN(); }, kInvalid,
                   "budget");
  ExpectErrorAfter([](O& o) { o.config.threads = 0; }, kInvalid, "threads");
  ExpectErrorAfter([](O& o) { o.workload.prompt_tokens = 0; }, kInvalid, "prompt");
  ExpectErrorAfter([](O& o) { o.workload.batch = -1; }, kInvalid, "batch");
  ExpectErrorAfter([](O& o) { o.workload.prompt_tokens = 64; }, kInvalid, "max_seq_len 64");
  ExpectErrorAfter(
      [](O& o) { o.workload.output_tokens = std::numeric_limits<std::int64_t>::max(); }, kInvalid,
      "output tokens");
  ExpectErrorAfter([](O& o) { o.constraints = {"latency_ms <"}; }, kInvalid, "constraint");
  ExpectErrorAfter([](O& o) { o.constraints.assign(65, "n_layer > 0"); }, kInvalid, "constraints");
  ExpectErrorAfter(
      [](O& o) {
        o.workload.output_tokens = 1;
        o.objectives = {"tpot_ms"};
      },
      kInvalid, "tpot_ms");
}

TEST_F(SearchJobErrorTest, RefusesASpaceThatConstraintsEmpty) {
  SearchJobOptions options = Options();
  options.constraints = {"d_inner >= 4 * d_model", "d_model >= 96"};
  ExpectError(options, ErrorCode::kInvalidArgument, "no architecture satisfies");
}

TEST_F(SearchJobErrorTest, RefusesAMissingOrBrokenSpaceFile) {
  SearchJobOptions options = Options();
  options.space = folder_ / "missing.json";
  ExpectError(options, ErrorCode::kNotFound, "missing.json");
  std::ofstream(folder_ / "broken.json") << "{\"name\": ";
  options.space = folder_ / "broken.json";
  ExpectError(options, ErrorCode::kInvalidArgument, "broken.json");
}

TEST_F(SearchJobErrorTest, RefusesAFolderThatCannotBeMade) {
  SearchJobOptions options = Options();
  options.out = "/proc/lts/out";
  EXPECT_THROW(Run(options), Error);
  std::ofstream(folder_ / "file") << "x";
  options.out = folder_ / "file" / "out";
  EXPECT_THROW(Run(options), Error);
}

TEST_F(SearchJobErrorTest, LeavesAFolderThatWasThereButNoneThatWasNot) {
  // A file in the store's place makes opening it fail after the folder is proven writable.
  SearchJobOptions options = Options();
  std::filesystem::create_directories(options.out);
  std::ofstream(Out("lts.db")) << std::string(4096, 'x');
  EXPECT_THROW(Run(options), Error);
  EXPECT_TRUE(std::filesystem::exists(Out("lts.db")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(options.out), {}), 1);
}

// A limit on the size of files stands in for the end of the disk.
TEST_F(SearchJobErrorTest, AFullDiskAtTheStartLeavesNothingBehind) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(1);
    SearchJobOptions options = Options();
    options.out = folder_ / "new" / "out";
    try {
      Run(options);
    } catch (const Error& error) {
      const bool named = std::string(error.what()).find("new/out") != std::string::npos;
      if (error.code() == ErrorCode::kIo && named) _exit(42);
      dprintf(STDERR_FILENO, "child: %s\n", error.what());
      _exit(2);
    }
    _exit(3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
}

TEST_F(SearchJobErrorTest, LoadReportSaysWhatIsMissing) {
  try {
    LoadReport(folder_ / "nowhere");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("nowhere/lts.db"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "nowhere"));
  Store(folder_ / "lts.db");
  EXPECT_THROW(LoadReport(folder_), Error);  // no run yet
}

TEST_F(SearchJobErrorTest, LoadReportRefusesOptionsItDoesNotUnderstand) {
  Run(Options());
  Store store(Out("lts.db"));
  RunRecord run = *store.LastRun();
  for (const char* options :
       {"{}", "[]", R"({"space": 1})",
        R"({"space": {}, "objectives": [{"name": "latncy_ms", "direction": "minimize"}]})"}) {
    run.options = ParseJson(options, "options");
    store.ResumeRun(run);
    try {
      LoadReport(folder_ / "out");
      ADD_FAILURE() << "no error for " << options;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << error.what();
      EXPECT_THAT(error.what(), HasSubstr("lts.db"));
    }
  }
}

}  // namespace
}  // namespace lts
