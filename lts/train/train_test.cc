#include "lts/train/train.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <limits>
#include <set>

#include "lts/base/files.h"
#include "lts/data/data_test_support.h"
#include "lts/data/token_writer.h"
#include "lts/train/batches.h"
#include "lts/train/fake_learner_test.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Recorder final : public TrainObserver {
 public:
  void OnStep(const StepRecord& record) override { steps.push_back(record); }
  void OnEvaluation(const EvaluationRecord& record) override { evaluations.push_back(record); }
  void OnCheckpoint(std::int64_t step) override { checkpoints.push_back(step); }
  std::vector<StepRecord> steps;
  std::vector<EvaluationRecord> evaluations;
  std::vector<std::int64_t> checkpoints;
};

class TrainTest : public DataFolder {
 protected:
  TrainTest() : data_(NewData()) {
    options_.schedule = {.peak = 1e-2, .warm_up_steps = 2, .steps = 10};
    options_.batch = 4;
    options_.sequence_length = 8;
    options_.checkpoint_seconds = 0;
  }
  // 200 tokens of training, 50 of validation; every token of training stands once.
  TokenDataset NewData() const {
    TokenWriter writer(Path("data"), 256, 0);
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 1; i < 200; ++i) ids.push_back(i);
    writer.Append(Split::kTrain, ids, 400);
    writer.Append(Split::kValidation, std::span(ids).first(49), 100);
    writer.Finish(Json::MakeObject());
    return TokenDataset::Open(Path("data"));
  }
  TrainResult Go(
      Learner& learner, TrainingState start = {},
      const std::function<bool()>& stop = [] { return false; }) {
    TrainingLog log(Path("log.jsonl"), start.step);
    return Train(learner, data_, options_, std::move(start), Path("run"), log, recorder_, clock_,
                 stop);
  }

  Architecture architecture_ = Architecture::Gpt2(1, 8, 8, 2, 256, 16);
  TokenDataset data_;
  TrainOptions options_;
  Recorder recorder_;
  FakeClock clock_;
};

TEST_F(TrainTest, AnEpochSeesEveryWindowOnceAndTheNextInAnotherOrder) {
  BatchReader reader(data_, 8, 4, 1);
  EXPECT_EQ(reader.windows(), 24);
  const auto offsets_of = [&](std::int64_t epoch) {
    std::vector<std::int64_t> offsets;
    for (std::int64_t i = 0; i < 24; ++i) {
      offsets.push_back(reader.Offset(epoch * 6 + i / 4, i % 4));
    }
    return offsets;
  };
  const auto first = offsets_of(0);
  EXPECT_EQ(std::set<std::int64_t>(first.begin(), first.end()).size(), 24U);
  for (const std::int64_t offset : first) {
    EXPECT_EQ((offset - *std::min_element(first.begin(), first.end())) % 8, 0);
    EXPECT_LE(offset + 9, 200);
  }
  EXPECT_NE(offsets_of(1), first);
  EXPECT_EQ(offsets_of(0), first);  // also after another epoch was begun
  EXPECT_NE(BatchReader(data_, 8, 4, 2).Offset(0, 0), -1);
}

TEST_F(TrainTest, ABatchIsTheSameHoweverItIsRead) {
  BatchReader reader(data_, 8, 4, 1);
  std::vector<std::int32_t> whole(4 * 9);
  reader.Read(3, 0, 4, whole);
  std::vector<std::int32_t> part(2 * 9);
  BatchReader(data_, 8, 4, 1).Read(3, 2, 2, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 2 * 9));
  for (std::size_t i = 1; i < 9; ++i) EXPECT_EQ(whole[i], whole[0] + static_cast<int>(i));
}

TEST_F(TrainTest, ASplitShorterThanASequenceIsRefused) {
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { BatchReader(data_, 200, 1, 1); }),
              HasSubstr("200 tokens, expected at least 201"));
}

TEST_F(TrainTest, FollowsTheScheduleAndAccumulatesWholeBatches) {
  options_.micro_batch = 2;
  FakeLearner learner(architecture_);
  const TrainResult result = Go(learner);
  EXPECT_TRUE(result.finished);
  EXPECT_EQ(result.state.step, 10);
  ASSERT_EQ(learner.rates.size(), 10U);
  EXPECT_EQ(learner.rates[0], 5e-3);
  EXPECT_EQ(learner.rates[1], 1e-2);
  EXPECT_DOUBLE_EQ(learner.sum_of_weights, 10.0);
  EXPECT_EQ(learner.passes, std::vector<std::int64_t>(20, 2));
  EXPECT_EQ(std::set(learner.seeds.begin(), learner.seeds.end()).size(), 20U);
  ASSERT_EQ(recorder_.steps.size(), 10U);
  EXPECT_EQ(recorder_.steps.back().tokens, 320);
  EXPECT_EQ(recorder_.steps.back().step, 10);
}

TEST_F(TrainTest, EvaluatesAndSavesAtItsStepsAndAtTheEnd) {
  options_.evaluate_every = 4;
  options_.checkpoint_every = 3;
  FakeLearner learner(architecture_);
  learner.validation_losses = {3.0, 2.0, 2.5};
  const TrainResult result = Go(learner);
  ASSERT_EQ(recorder_.evaluations.size(), 3U);
  EXPECT_EQ(recorder_.evaluations[0].step, 4);
  EXPECT_EQ(recorder_.evaluations[2].step, 10);
  EXPECT_TRUE(recorder_.evaluations[1].best);
  EXPECT_FALSE(recorder_.evaluations[2].best);
  EXPECT_EQ(result.state.best_loss, 2.0);
  EXPECT_EQ(result.state.best_step, 8);
  EXPECT_EQ(result.validation_loss, 2.5);
  EXPECT_THAT(recorder_.checkpoints, ElementsAre(3, 6, 9, 10));
  // Only the newest tensors are kept.
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(Path("run"))) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("state.json", "step-10.safetensors"));
}

TEST_F(TrainTest, SavesWhenTimeHasPassed) {
  options_.checkpoint_seconds = 60;
  FakeLearner learner(architecture_);
  Go(learner, {}, [&] {
    clock_.Advance(25'000'000'000);
    return false;
  });
  EXPECT_THAT(recorder_.checkpoints, ElementsAre(3, 6, 9, 10));
}

TEST_F(TrainTest, ARunStoppedAnywhereEndsWithTheBitsOfOneThatWasNot) {
  options_.evaluate_every = 3;
  FakeLearner uninterrupted(architecture_);
  const TrainResult expected = Go(uninterrupted);
  const std::string log = ReadFile(Path("log.jsonl"));
  for (std::int64_t stop_at = 1; stop_at < 10; ++stop_at) {
    std::filesystem::remove_all(Path("run"));
    FakeLearner first(architecture_);
    const TrainResult stopped = Go(first, {}, [&] { return std::ssize(first.rates) == stop_at; });
    EXPECT_FALSE(stopped.finished);
    EXPECT_EQ(stopped.state.step, stop_at);

    FakeLearner second(architecture_);
    const auto state = ReadTrainingState(Path("run"));
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->step, stop_at);
    RestoreLearner(Path("run"), *state, second);
    const TrainResult resumed = Go(second, *state);
    EXPECT_TRUE(resumed.finished);
    EXPECT_EQ(second.weights(), uninterrupted.weights()) << stop_at;
    EXPECT_EQ(resumed.state.best_loss, expected.state.best_loss);
    EXPECT_EQ(resumed.state.best_step, expected.state.best_step);
    EXPECT_EQ(ReadFile(Path("log.jsonl")), log) << stop_at;
  }
}

TEST_F(TrainTest, TheLogForgetsWhatCameAfterTheCheckpoint) {
  {
    TrainingLog log(Path("log.jsonl"), 0);
    for (int step = 1; step <= 5; ++step) log.Append(ToJson(StepRecord{.step = step}));
  }
  std::ofstream(Path("log.jsonl"), std::ios::app) << R"({"step":6,"lo)";  // killed here
  TrainingLog(Path("log.jsonl"), 3).Append(ToJson(EvaluationRecord{.step = 3, .loss = 1.5}));
  const std::string text = ReadFile(Path("log.jsonl"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_THAT(text, HasSubstr("{\"step\":3,\"validation_loss\":1.5}\n"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("\"step\":4")));
}

TEST_F(TrainTest, ALossThatIsNotFiniteStopsWithStepBatchAndCheckpoint) {
  options_.checkpoint_every = 2;
  FakeLearner learner(architecture_);
  const auto spoil = [&] {
    if (learner.rates.size() == 3) learner.loss = std::numeric_limits<double>::quiet_NaN();
    return false;
  };
  const std::string message =
      MessageOf(ErrorCode::kInvalidArgument, [&] { Go(learner, {}, spoil); });
  EXPECT_THAT(message, HasSubstr("step 4: the loss of the sequences at tokens "));
  EXPECT_THAT(message, HasSubstr("train.bin is nan"));
  EXPECT_THAT(message, HasSubstr("the last checkpoint, of step 2, is in " + Path("run")));
  EXPECT_EQ(ReadTrainingState(Path("run"))->step, 2);
}

TEST_F(TrainTest, AGradientThatIsNotFiniteStopsToo) {
  FakeLearner learner(architecture_);
  learner.norm = std::numeric_limits<double>::infinity();
  const std::string message = MessageOf(ErrorCode::kInvalidArgument, [&] { Go(learner); });
  EXPECT_THAT(message, HasSubstr("step 1: the length of the gradients"));
  EXPECT_THAT(message, HasSubstr("there is no checkpoint yet"));
}

// A limit on the size of files stands for a full disk: both let write() fail half-way.
TEST_F(TrainTest, AFullDiskLeavesTheLastCheckpointIntact) {
  options_.checkpoint_every = 2;
  FakeLearner learner(architecture_);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const auto fill = [&] {
    if (learner.rates.size() == 3) {
      const rlimit full{.rlim_cur = 8192, .rlim_max = before.rlim_max};
      ::setrlimit(RLIMIT_FSIZE, &full);
    }
    return false;
  };
  MessageOf(ErrorCode::kIo, [&] { Go(learner, {}, fill); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  const auto state = ReadTrainingState(Path("run"));
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->step, 2);
  FakeLearner restored(architecture_);
  EXPECT_NO_THROW(RestoreLearner(Path("run"), *state, restored));
}

TEST_F(TrainTest, ACheckpointOfAnotherShapeIsRefusedByName) {
  FakeLearner learner(architecture_);
  Go(learner);
  FakeLearner wider(Architecture::Gpt2(1, 8, 12, 2, 256, 16));
  EXPECT_THAT(
      MessageOf(ErrorCode::kCorrupt,
                [&] { RestoreLearner(Path("run"), *ReadTrainingState(Path("run")), wider); }),
      HasSubstr("got [8, 8], expected [8, 12]"));
}

TEST_F(TrainTest, NoCheckpointIsNoError) { EXPECT_FALSE(ReadTrainingState(Path("none"))); }

TEST_F(TrainTest, LeftoversOfAKilledProcessAreRemoved) {
  FakeLearner learner(architecture_);
  const TrainResult result = Go(learner);
  Write("run/.lts-1-0.tmp", "half");
  Write("run/step-999.safetensors", "half");
  Write("run/notes.txt", "mine");
  const auto state = ReadTrainingState(Path("run"));
  RemoveStaleTensors(Path("run"), &*state);
  EXPECT_FALSE(std::filesystem::exists(Path("run/.lts-1-0.tmp")));
  EXPECT_FALSE(std::filesystem::exists(Path("run/step-999.safetensors")));
  EXPECT_TRUE(std::filesystem::exists(Path("run/notes.txt")));
  EXPECT_TRUE(std::filesystem::exists(Path("run/" + state->tensors)));
}

TEST_F(TrainTest, OnlyTheSameRunGoesOn) {
  const Json run = DescribeRun(architecture_, {}, options_, data_);
  // As it is after a checkpoint.
  const Json again = ParseJson(WriteJson(run), "state.json");
  EXPECT_NO_THROW(CheckSameRun(again, run, "out"));
  options_.batch = 8;
  EXPECT_THAT(
      MessageOf(
          ErrorCode::kInvalidArgument,
          [&] { CheckSameRun(again, DescribeRun(architecture_, {}, options_, data_), "out"); }),
      HasSubstr("out: the run there has batch 4, but 8 is asked for"));
}

TEST_F(TrainTest, EvaluationReadsAtMostWhatIsAskedAndNoMoreThanThereIs) {
  FakeLearner learner(architecture_);
  EXPECT_TRUE(Evaluate(learner, data_, Split::kValidation, 8, 20).has_value());
  EXPECT_EQ(learner.evaluated, 16);
  learner.evaluated = 0;
  Evaluate(learner, data_, Split::kValidation, 8, 1 << 20);
  EXPECT_EQ(learner.evaluated, 48);
  learner.evaluated = 0;
  Evaluate(learner, data_, Split::kValidation, 1000, 1 << 20);
  EXPECT_EQ(learner.evaluated, 49);
  EXPECT_FALSE(Evaluate(learner, data_, Split::kTest, 8, 100).has_value());
}

TEST(TrainOptionsTest, TheRecipeIsScaledToTheTokens) {
  const TrainOptions published = ScaledRecipe(std::int64_t{30000} * 65536, 1024);
  EXPECT_EQ(published.step_tokens(), 65536);
  EXPECT_EQ(published.sequence_length, 1024);
  EXPECT_EQ(published.batch, 64);
  EXPECT_EQ(published.schedule.steps, 30000);
  EXPECT_EQ(published.schedule.warm_up_steps, 150);
  EXPECT_EQ(published.schedule.peak, 6e-4);

  const TrainOptions small = ScaledRecipe(1'000'000, 1024);
  EXPECT_EQ(small.step_tokens(), 2048);
  EXPECT_EQ(small.sequence_length, 256);
  EXPECT_EQ(small.schedule.steps, 489);
  EXPECT_EQ(small.schedule.warm_up_steps, 48);
  EXPECT_EQ(ScaledRecipe(1, 4).schedule.steps, 1);
}

TEST(TrainOptionsTest, PassesDivideTheBatch) {
  EXPECT_EQ(MicroBatch(64, 1024), 4);
  EXPECT_EQ(MicroBatch(6, 1024), 3);
  EXPECT_EQ(MicroBatch(8, 256), 8);
  EXPECT_EQ(MicroBatch(7, 100000), 1);
}

TEST(TrainOptionsTest, RejectsOptionsOutsideTheirRanges) {
  const Graph graph = BuildGraph(Architecture::Gpt2(1, 8, 8, 2, 32, 16));
  TrainOptions options{.sequence_length = 16};
  EXPECT_NO_THROW(CheckTrainOptions(options, graph));
  const auto rejects = [&](const std::function<void(TrainOptions&)>& change) {
    TrainOptions changed = options;
    change(changed);
    EXPECT_THROW(CheckTrainOptions(changed, graph), Error);
  };
  rejects([](TrainOptions& o) { o.sequence_length = 17; });
  rejects([](TrainOptions& o) { o.sequence_length = 0; });
  rejects([](TrainOptions& o) { o.batch = 0; });
  rejects([](TrainOptions& o) { o.micro_batch = 7; });
  rejects([](TrainOptions& o) { o.schedule.steps = 0; });
  rejects([](TrainOptions& o) { o.evaluation_tokens = 0; });
  rejects([](TrainOptions& o) { o.checkpoint_seconds = -1; });
}

TEST(TrainingStateTest, IsReadBackAsItWasWritten) {
  TrainingState state{.step = 7, .tensors = "step-7.safetensors", .seconds = 1.25};
  state.run["batch"] = 4;
  for (const bool best : {false, true}) {
    if (best) state.best_loss = 3.5;
    const TrainingState read = ParseTrainingState(ParseJson(WriteJson(ToJson(state)), "s"), "s");
    EXPECT_EQ(read.step, 7);
    EXPECT_EQ(read.tensors, state.tensors);
    EXPECT_EQ(read.seconds, 1.25);
    EXPECT_EQ(read.best_loss, state.best_loss);
    EXPECT_EQ(read.run, state.run);
  }
}

TEST(TrainingStateTest, RefusesFilesOutsideItsFolderAndOtherFormats) {
  Json json = ToJson(TrainingState{.step = 7, .tensors = "step-7.safetensors"});
  const auto parse = [&] { ParseTrainingState(json, "state.json"); };
  EXPECT_NO_THROW(parse());
  json["tensors"] = "step-../../secret.safetensors";
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, parse), HasSubstr("tensors"));
  json["format"] = "lts-training-9";
  EXPECT_THAT(MessageOf(ErrorCode::kUnsupported, parse), HasSubstr("lts-training-9"));
}

}  // namespace
}  // namespace lts
