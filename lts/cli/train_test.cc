// lts train, from tokens to a checkpoint that other commands take; killed, stopped and resumed.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lts/base/files.h"
#include "lts/base/rng.h"
#include "lts/cli/cli_test_support.h"
#include "lts/cli/training_progress.h"
#include "lts/data/token_writer.h"
#include "lts/io/checkpoint.h"

namespace lts::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kLayersThatDiffer =
    R"({"arch_type": "gpt2", "n_layer": 2, "d_model": 32, "d_inner": [48, 64], "n_head": [2, 4],
  "vocab_size": 50257, "max_sequence_length": 32})";

class TrainCommandTest : public CliFolder {
 protected:
  // Documents of two tokens by turns, which the token before does not tell apart: the next one is
  // the one before it.
  TrainCommandTest() {
    TokenWriter writer(Path("data"), kVocabulary, 0);
    Rng rng(5);
    for (const Split split : {Split::kTrain, Split::kValidation}) {
      const int documents = split == Split::kTrain ? 400 : 20;
      for (int d = 0; d < documents; ++d) {
        const auto even = static_cast<std::int32_t>(1 + rng.Below(kWords));
        const auto odd = static_cast<std::int32_t>(1 + rng.Below(kWords));
        std::vector<std::int32_t> ids;
        while (ids.size() < 60) ids.push_back(ids.size() % 2 == 0 ? even : odd);
        writer.Append(split, ids, 2 * std::ssize(ids));
      }
    }
    writer.Finish(Json::MakeObject());
    for (const char* name : {"vocab.json", "merges.txt"}) {
      std::filesystem::copy_file(kTokenizer + "/" + name, Path(std::string("data/") + name));
    }
  }
  void RequireEngine() const {
    if (std::string(LTS_ENGINE_LIBRARY).empty()) GTEST_SKIP() << "this build has no libtorch";
  }

  std::vector<std::string> Arguments(const std::string& out,
                                     const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {"train",
                                     Path("arch.json"),
                                     "--data",
                                     Path("data"),
                                     "-o",
                                     Path(out),
                                     "--steps",
                                     "12",
                                     "--batch",
                                     "4",
                                     "--sequence-length",
                                     "16",
                                     "--lr",
                                     "3e-3",
                                     "--threads",
                                     "1",
                                     "--engine-library",
                                     LTS_ENGINE_LIBRARY};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  std::string Weights(const std::string& out) const {
    return ReadFile(Path(out) + "/model.safetensors");
  }

  static constexpr std::int64_t kVocabulary = 512;
  static constexpr std::int64_t kWords = 100;
  std::string arch_ = Write("arch.json", kLayersThatDiffer);
};

// A run of the program itself, whose errors are read line by line.
class Child {
 public:
  explicit Child(const std::vector<std::string>& args) {
    int ends[2];
    LTS_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    std::vector<std::string> all = {LTS_PROGRAM};
    all.insert(all.end(), args.begin(), args.end());
    std::vector<char*> argv;
    for (std::string& arg : all) argv.push_back(arg.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDERR_FILENO);
      ::execv(LTS_PROGRAM, argv.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    errors_ = ::fdopen(ends[0], "r");
  }
  ~Child() {
    if (!ended_) End(SIGKILL);
    std::fclose(errors_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Reads lines until one begins with `start`; false: the program ended before.
  bool WaitForLine(const std::string& start) {
    char* line = nullptr;
    std::size_t size = 0;
    bool found = false;
    while (!found && ::getline(&line, &size, errors_) > 0) {
      text_ += line;
      found = std::string_view(line).starts_with(start);
    }
    std::free(line);
    return found;
  }
  // Sends a signal, 0 for none, and waits for the end. Returns the status of waitpid().
  int End(int signal) {
    if (signal != 0) ::kill(pid_, signal);
    WaitForLine("\n no line begins so");
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ended_ = true;
    return status;
  }
  const std::string& text() const { return text_; }

 private:
  pid_t pid_ = -1;
  std::FILE* errors_ = nullptr;
  bool ended_ = false;
  std::string text_;
};

TEST_F(TrainCommandTest, SaysHowToGetATrainerWhereThereIsNone) {
  std::vector<std::string> args = Arguments("out");
  args.back() = Path("none.so");
  ExpectBadInput(Lts(args), "libtorch-dev");
}

TEST_F(TrainCommandTest, WritesACheckpointThatOtherCommandsTake) {
  RequireEngine();
  const Outcome outcome = Lts(Arguments("out", {"--format", "json", "--evaluate-every", "4"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(
      outcome.err,
      AllOf(HasSubstr("vocabulary: 512 of the data"), HasSubstr("bigram baseline: validation loss"),
            HasSubstr("step 12/12  loss"), HasSubstr(" tokens/s  "), HasSubstr(" % of peak"),
            HasSubstr(" left"), HasSubstr("step 4/12  validation loss"), HasSubstr("best")));
  const Json json = ParseJson(outcome.out, "out");
  const Json& row = json.AsArray().at(0);
  EXPECT_EQ(row.Find("steps")->AsInt(), 12);
  EXPECT_EQ(row.Find("tokens")->AsInt(), 12 * 4 * 16);
  EXPECT_LT(row.Find("validation_loss")->AsDouble(), std::log(512.0));
  EXPECT_NEAR(row.Find("perplexity")->AsDouble(), std::exp(row.Find("validation_loss")->AsDouble()),
              1e-9);

  for (const char* folder : {"out", "out/best"}) {
    const Checkpoint checkpoint = LoadCheckpoint(Path(folder));
    EXPECT_EQ(checkpoint.model.architecture().vocab_size(), kVocabulary);
    EXPECT_EQ(checkpoint.model.architecture().layers()[1].d_inner, 64);
    EXPECT_EQ(checkpoint.files.tokenizer.size(), 2U);
  }
  const Outcome generated =
      Lts({"generate", Path("out"), "a", "--max-new-tokens", "4", "--greedy", "-q"});
  EXPECT_EQ(generated.code, 0) << generated.err;
  const Outcome counted = Lts({"count", Path("out"), "--prompt", "8", "--output-tokens", "4"});
  EXPECT_EQ(counted.code, 0) << counted.err;
  EXPECT_EQ(Lts({"export", Path("out"), "-o", Path("model.onnx")}).code, 0);
}

TEST_F(TrainCommandTest, TheLogHasALineForEachStepAndEvaluation) {
  RequireEngine();
  ASSERT_EQ(Lts(Arguments("out", {"--evaluate-every", "6", "-q"})).code, 0);
  const std::string log = ReadFile(Path("out/log.jsonl"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 14);
  const Json first = ParseJson(log.substr(0, log.find('\n')), "log");
  EXPECT_EQ(first.Find("step")->AsInt(), 1);
  EXPECT_NEAR(first.Find("loss")->AsDouble(), std::log(512.0), 0.2);
  EXPECT_THAT(log, HasSubstr(R"({"step":6,"validation_loss":)"));
}

TEST_F(TrainCommandTest, QuietSaysNothingButTheResult) {
  RequireEngine();
  const Outcome outcome = Lts(Arguments("out", {"-q"}));
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("validation loss"));
}

TEST_F(TrainCommandTest, LearnsWhatABigramCannotKnow) {
  RequireEngine();
  const Outcome outcome = Lts({"train",
                               Path("arch.json"),
                               "--data",
                               Path("data"),
                               "-o",
                               Path("out"),
                               "--steps",
                               "300",
                               "--batch",
                               "8",
                               "--sequence-length",
                               "32",
                               "--lr",
                               "1e-2",
                               "--threads",
                               "1",
                               "-q",
                               "--format",
                               "json",
                               "--engine-library",
                               LTS_ENGINE_LIBRARY});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json row = ParseJson(outcome.out, "out").AsArray().at(0);
  EXPECT_LT(row.Find("validation_loss")->AsDouble(), 0.5 * row.Find("bigram_loss")->AsDouble())
      << outcome.out;
}

TEST_F(TrainCommandTest, KilledAnywhereItEndsWithTheBitsOfAnUninterruptedRun) {
  RequireEngine();
  const std::vector<std::string> often = {"--checkpoint-every", "2", "--dropout", "0.1",
                                          "--evaluate-every",   "3"};
  ASSERT_EQ(Lts(Arguments("whole", often)).code, 0);
  std::vector<std::string> resumed = often;
  resumed.emplace_back("--resume");  // also for the first sitting: there is nothing to resume yet
  // One run that is killed again and again, sometimes before it has done anything new.
  for (const std::string step :
       {"1/", "2/", "4/", "5/", "6/12  checkpoint", "7/", "8/", "10/", "11/", "12/"}) {
    Child child(Arguments("killed", resumed));
    ASSERT_TRUE(child.WaitForLine("step " + step)) << step << child.text();
    EXPECT_TRUE(WIFSIGNALED(child.End(SIGKILL))) << step;
    EXPECT_FALSE(std::filesystem::exists(Path("killed/model.safetensors")));
  }
  const Outcome outcome = Lts(Arguments("killed", resumed));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(Weights("killed"), Weights("whole"));
  EXPECT_EQ(Weights("killed/best"), Weights("whole/best"));
}

TEST_F(TrainCommandTest, StoppedBySigtermItSavesAndGoesOn) {
  RequireEngine();
  ASSERT_EQ(Lts(Arguments("whole")).code, 0);
  {
    Child child(Arguments("stopped"));
    ASSERT_TRUE(child.WaitForLine("step 2/12")) << child.text();
    const int status = child.End(SIGTERM);
    EXPECT_THAT(child.text(), AllOf(HasSubstr("checkpoint\n"), HasSubstr("--resume")));
    ASSERT_TRUE(WIFEXITED(status)) << child.text();
    EXPECT_EQ(WEXITSTATUS(status), 1);
  }
  const Outcome outcome = Lts(Arguments("stopped", {"--resume"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("resuming after step "));
  EXPECT_EQ(Weights("stopped"), Weights("whole"));
}

TEST_F(TrainCommandTest, ARunIsNeitherOverwrittenNorMixedWithAnother) {
  RequireEngine();
  ASSERT_EQ(Lts(Arguments("out", {"-q"})).code, 0);
  ExpectBadInput(Lts(Arguments("out", {"-q"})), "--resume goes on with it");
  ExpectBadInput(Lts(Arguments("out", {"-q", "--resume", "--seed", "2"})),
                 "the run there has seed \"1\", but \"2\" is asked for");
  const std::string before = Weights("out");
  EXPECT_EQ(Lts(Arguments("out", {"-q", "--resume"})).code, 0);  // nothing left to do
  EXPECT_EQ(Weights("out"), before);
}

TEST_F(TrainCommandTest, ACheckpointIsTrainedOn) {
  RequireEngine();
  ASSERT_EQ(Lts(Arguments("first", {"-q"})).code, 0);
  std::vector<std::string> args = Arguments("second", {"-q", "--format", "json"});
  args[1] = Path("first");
  const Outcome outcome = Lts(args);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string log = ReadFile(Path("second/log.jsonl"));
  EXPECT_LT(ParseJson(log.substr(0, log.find('\n')), "log").Find("loss")->AsDouble(), 6.0);
}

TEST_F(TrainCommandTest, RejectsWhatCannotBe) {
  RequireEngine();
  const auto rejects = [&](const std::vector<std::string>& more, const std::string& part) {
    std::vector<std::string> args = {
        "train",           Path("arch.json"), "-q", "-o", Path("out"), "--engine-library",
        LTS_ENGINE_LIBRARY};
    args.insert(args.end(), more.begin(), more.end());
    ExpectBadInput(Lts(args), part);
  };
  const std::string data = "--data=" + Path("data");
  rejects({data, "--tokens", "1M", "--steps", "3"}, "--tokens, --steps: got both");
  rejects({data, "--tokens", "1X"}, "--tokens: got '1X'");
  rejects({data, "--dtype", "int8"}, "int8 has no gradients");
  rejects({data, "--sequence-length", "33"}, "sequence length: got 33");
  rejects({data, "--batch", "4", "--micro-batch", "3"}, "a divisor of the batch of 4");
  rejects({data, "--lr", "0"}, "learning rate: got 0");
  rejects({data, "--optimizer", "adamm"}, "did you mean 'adamw'");
  rejects({"--data=" + Path("nowhere")}, "nowhere");
}

TEST(TrainingProgressTest, ALineSaysWhatTheStepWas) {
  const TrainingProgressOptions options{
      .steps = 976, .step_tokens = 2048, .step_flops = 1e11, .peak_flops_per_s = 1e12};
  const StepRecord record{
      .step = 12, .loss = 6.0123, .learning_rate = 1.5e-4, .gradient_norm = 0.834, .seconds = 0.5};
  EXPECT_EQ(StepLine(record, options, 329),
            "step 12/976  loss 6.012  lr 1.5e-04  |g| 0.83  500 ms  4096 tokens/s  20 % of peak  "
            "5 min 29 s left");
}

}  // namespace
}  // namespace lts::cli
