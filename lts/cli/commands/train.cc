// lts train: from an architecture and a data set to a checkpoint.
#include "lts/train/train.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <memory>
#include <ostream>
#include <utility>

#include "lts/arch/count.h"
#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/cli/training_progress.h"
#include "lts/data/token_dataset.h"
#include "lts/io/checkpoint.h"
#include "lts/measure/roofline.h"
#include "lts/train/bigram.h"
#include "lts/train/engine_library.h"

namespace lts::cli {
namespace {

// Below OUT.
constexpr const char* kStateFolder = "/training";
constexpr const char* kBestFolder = "/best";
constexpr const char* kLogFile = "/log.jsonl";

// Enough for the counts of a bigram model to settle, in 256 MiB.
constexpr std::int64_t kBigramTokens = std::int64_t{1} << 24;

struct Options {
  std::string architecture;
  std::string data;
  std::string out;
  std::string engine_library;
  std::string dtype = "f32";
  std::string threads = "auto";
  std::string optimizer = "adamw";
  std::string schedule = "cosine";
  std::string tokens;  // "", and 0 below: not given
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  std::int64_t sequence_length = 0;
  std::int64_t warm_up = -1;
  std::int64_t evaluate_every = -1;
  std::int64_t evaluation_tokens = 0;
  std::int64_t checkpoint_every = 0;
  std::int64_t line_every = 1;
  double attention_dropout = -1;
  bool resume = false;
  LearnerOptions learner;
  TrainOptions train;
};

// "2000000", "2M", "1.5G". Throws kInvalidArgument.
std::int64_t ParseTokens(const std::string& text) {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const std::string_view unit = std::string_view(text).substr(std::min(digits, text.size()));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const double factor = unit.empty()                 ? 1
                        : unit == "K" || unit == "k" ? 1e3
                        : unit == "M" || unit == "m" ? 1e6
                        : unit == "G" || unit == "B" ? 1e9
                                                     : 0;
  const double tokens = value * factor;
  if (error != std::errc() || end != text.data() + (text.size() - unit.size()) ||
      !(tokens >= 1 && tokens <= 1e15)) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("--tokens: got '{}', expected a number in [1, 1e15] such as 2000000, 2M "
                    "or 1.5G",
                    Quoted(text)));
  }
  return static_cast<std::int64_t>(tokens);
}

constexpr std::int64_t kEvaluations = 20;  // of a run, where --evaluate-every is not given

// The recipe, scaled to the tokens where these are given, with what the user asked for in its
// place.
TrainOptions TrainOptionsOf(const Options& options, const Architecture& architecture) {
  const std::int64_t tokens = options.tokens.empty() ? 0 : ParseTokens(options.tokens);
  if (tokens > 0 && options.steps > 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "--tokens, --steps: got both, expected one; tokens are steps times batch times "
                "sequence length");
  }
  TrainOptions train = options.train;
  const TrainOptions recipe =
      tokens > 0 ? ScaledRecipe(tokens, architecture.max_seq_len())
                 : TrainOptions{.sequence_length = std::min<std::int64_t>(
                                    TrainOptions().sequence_length, architecture.max_seq_len())};
  train.batch = options.batch > 0 ? options.batch : recipe.batch;
  train.sequence_length =
      options.sequence_length > 0 ? options.sequence_length : recipe.sequence_length;
  train.schedule.steps = recipe.schedule.steps;
  if (options.steps > 0) train.schedule.steps = options.steps;
  if (tokens > 0) {
    train.schedule.steps = std::max<std::int64_t>(
        1, (tokens + train.step_tokens() - 1) / std::max<std::int64_t>(1, train.step_tokens()));
  }
  train.schedule.warm_up_steps =
      options.warm_up >= 0 ? options.warm_up
                           : std::min(recipe.schedule.warm_up_steps, train.schedule.steps / 10);
  train.schedule.kind = kScheduleKinds.Parse(options.schedule);
  train.evaluate_every = options.evaluate_every >= 0
                             ? options.evaluate_every
                             : std::max<std::int64_t>(1, train.schedule.steps / kEvaluations);
  if (options.evaluation_tokens > 0) {
    train.evaluation_tokens = options.evaluation_tokens;
  } else {
    // An eighth of what is trained on between evaluations takes some 4 % of its time: there is no
    // backward pass.
    const std::int64_t between = std::max<std::int64_t>(1, train.evaluate_every);
    train.evaluation_tokens = std::clamp<std::int64_t>(train.step_tokens() * between / 8, 1 << 13,
                                                       TrainOptions().evaluation_tokens);
  }
  train.checkpoint_every = options.checkpoint_every;
  return train;
}

LearnerOptions LearnerOptionsOf(const Options& options, const Architecture& architecture) {
  LearnerOptions learner = options.learner;
  const RunOptions run{.dtype = options.dtype, .threads = options.threads};
  const RuntimeConfig config = run.Config();
  learner.dtype = config.dtype;
  learner.threads = config.threads;
  learner.optimizer.kind = kOptimizerKinds.Parse(options.optimizer);
  learner.attention_dropout =
      options.attention_dropout >= 0 ? options.attention_dropout : architecture.attention_dropout();
  return learner;
}

// The architecture with the vocabulary of the data. Tables of another size would be a waste, or too
// small.
Architecture WithVocabulary(const Architecture& architecture, const TokenDataset& data,
                            Context& context) {
  if (architecture.vocab_size() == data.vocab_size()) return architecture;
  if (!context.quiet) {
    context.err << fmt::format("vocabulary: {} of the data in place of the architecture's {}\n",
                               data.vocab_size(), architecture.vocab_size());
  }
  ArchitectureFields fields = architecture.fields();
  fields.vocab_size = data.vocab_size();
  return Architecture(std::move(fields));
}

// First weights: those of ARCH where it is a checkpoint, else random ones by the recipe of the
// backbone.
Model FirstModel(const Options& options, const TokenDataset& data, Context& context) {
  NamedArchitecture named = ReadNamedArchitecture(options.architecture, context);
  std::error_code ignored;
  if (std::filesystem::is_directory(named.name, ignored) &&
      FindCheckpoint(named.name).weights.has_value()) {
    Checkpoint checkpoint = LoadCheckpoint(named.name);
    if (checkpoint.model.architecture().vocab_size() < data.vocab_size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the model knows {} tokens, but {} has {}; tokenize the text "
                              "with the model's tokenizer",
                              named.name, checkpoint.model.architecture().vocab_size(),
                              data.folder(), data.vocab_size()));
    }
    return std::move(checkpoint.model);
  }
  return RandomModel(WithVocabulary(named.architecture, data, context), options.train.seed);
}

double PeakFlops(const LearnerOptions& learner) {
  SystemClock clock;
  const Ceilings ceilings =
      MeasureCeilings({.threads = learner.threads, .tries = 3, .products = false, .read_mib = {1}},
                      KernelProbes(), clock);
  return ceilings.flops(learner.dtype);
}

// Where the run goes on: the checkpoint in `folder`, or step 0. Throws where it holds a run and
// none is to be resumed, or another one.
TrainingState StartOf(const Options& options, const std::string& folder, const Json& run,
                      Learner& learner) {
  std::optional<TrainingState> state = ReadTrainingState(folder);
  if (state && !options.resume) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: holds a run that has done {} steps; --resume goes on with it, "
                            "another -o leaves it alone",
                            options.out, state->step));
  }
  RemoveStaleTensors(folder, state ? &*state : nullptr);
  if (!state) return {.run = run};
  CheckSameRun(state->run, run, options.out);
  RestoreLearner(folder, *state, learner);
  return std::move(*state);
}

void PrintResult(const TrainResult& result, const TrainOptions& train, const TokenDataset& data,
                 const Options& options, std::optional<double> bigram, Context& context) {
  Table table({{"out", "checkpoint", false},
               {"steps", "steps"},
               {"tokens", "tokens"},
               {"validation_loss", "validation loss"},
               {"perplexity", "perplexity"},
               {"bits_per_byte", "bits/byte"},
               {"best_loss", "best loss"},
               {"best_step", "at step"},
               {"bigram_loss", "bigram loss"},
               {"seconds", "time"}});
  const auto number = [](std::optional<double> value) {
    return value ? Cell{*value, fmt::format("{:.4g}", *value)} : Cell{Json(), "-"};
  };
  const std::optional<double> loss = result.validation_loss;
  const double bytes = data.bytes_per_token(Split::kValidation);
  const std::int64_t tokens = result.state.step * train.step_tokens();
  table.AddRow({{options.out, ""},
                {result.state.step, ""},
                {tokens, HumanCount(static_cast<double>(tokens))},
                number(loss),
                number(loss ? std::optional(std::exp(*loss)) : std::nullopt),
                number(loss && bytes > 0 ? std::optional(BitsPerByte(*loss, bytes)) : std::nullopt),
                number(result.state.best_loss),
                result.state.best_loss ? Cell{result.state.best_step, ""} : Cell{Json(), "-"},
                number(bigram),
                {result.state.seconds, HumanSeconds(result.state.seconds)}});
  table.Print(context.format, context.terminal, context.out);
}

void RunTrain(const Options& options, Context& context) {
  const TokenDataset data = TokenDataset::Open(options.data);
  const LearnerEngine& engine = OpenEngineLibrary(options.engine_library);
  Model model = FirstModel(options, data, context);
  const Architecture architecture = model.architecture();
  const Graph graph = model.graph();
  const LearnerOptions learner_options = LearnerOptionsOf(options, architecture);
  const TrainOptions train = TrainOptionsOf(options, architecture);
  CheckLearnerOptions(learner_options);
  CheckTrainOptions(train, graph);
  ToHuggingFaceConfig(architecture);  // what cannot be written is refused before it is trained
  const std::string state_folder = options.out + kStateFolder;
  EnsureWritableFolder(state_folder);

  if (!context.quiet) {
    context.err << fmt::format(
        "{} {}: {} parameters in the decoder, {} in all; {} steps of {} x {} tokens, {}, {} "
        "threads\n",
        architecture.backbone(), architecture.ShortName(),
        HumanCount(static_cast<double>(CountParameters(graph).decoder())),
        HumanCount(static_cast<double>(CountParameters(graph).total())), train.schedule.steps,
        train.batch, train.sequence_length, kDTypes.Name(learner_options.dtype),
        learner_options.threads);
  }
  const double peak = context.quiet ? 0 : PeakFlops(learner_options);
  const std::unique_ptr<Learner> learner = engine.NewLearner(model, learner_options);
  const Json run = DescribeRun(architecture, learner_options, train, data);
  TrainingState start = StartOf(options, state_folder, run, *learner);
  if (start.step > 0 && !context.quiet) {
    context.err << fmt::format("resuming after step {}\n", start.step);
  }
  const std::optional<double> bigram =
      BigramModel(data, kBigramTokens).Loss(data, Split::kValidation, train.evaluation_tokens);
  if (bigram && !context.quiet) {
    context.err << fmt::format("bigram baseline: validation loss {:.4f}\n", *bigram);
  }

  const std::vector<std::string> tokenizer = TokenizerFilesIn(data.folder());
  const auto write = [&](const std::string& folder) {
    WriteCheckpoint(ModelOf(*learner, architecture), folder, tokenizer);
  };
  const std::int64_t length = train.sequence_length;
  TrainingProgress progress({.steps = train.schedule.steps,
                             .step_tokens = train.step_tokens(),
                             // The backward pass has two products for each one of the forward pass.
                             .step_flops = 3.0 * static_cast<double>(CountStepFlops(
                                                     graph, train.batch, length, length, length)),
                             .peak_flops_per_s = peak,
                             .bytes_per_token = data.bytes_per_token(Split::kValidation),
                             .line_every = options.line_every,
                             .quiet = context.quiet},
                            context.err, [&] { write(options.out + kBestFolder); });
  TrainingLog log(options.out + kLogFile, start.step);
  SystemClock clock;
  InstallSignalHandlers();
  TrainResult result = Train(*learner, data, train, std::move(start), state_folder, log, progress,
                             clock, [] { return g_interrupted != 0; });
  if (!result.finished) {
    throw Error(ErrorCode::kCancelled,
                fmt::format("stopped after step {} of {}; the same command with --resume goes on",
                            result.state.step, train.schedule.steps));
  }
  write(options.out);
  if (!result.validation_loss) {  // resumed after its last step
    result.validation_loss =
        Evaluate(*learner, data, Split::kValidation, length, train.evaluation_tokens);
  }
  PrintResult(result, train, data, options, bigram, context);
}

void AddRecipeOptions(CLI::App& command, Options& options) {
  OptimizerOptions& optimizer = options.learner.optimizer;
  ScheduleOptions& schedule = options.train.schedule;
  command
      .add_option("--tokens", options.tokens,
                  "Train on about as many (2M, 1.5G): batch and warm-up are scaled down for small "
                  "runs")
      ->type_name("N[K|M|G]");
  command
      .add_option("--steps", options.steps, "Or so many steps; without both the recipe's 30,000")
      ->check(CLI::PositiveNumber);
  command.add_option("--batch", options.batch, "Sequences of a step [64, fewer for few --tokens]")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--micro-batch", options.train.micro_batch,
                  "Sequences of one pass; gradients of passes are summed [up to 4,096 tokens]")
      ->check(CLI::PositiveNumber);
  command
      .add_option(
          "--sequence-length", options.sequence_length,
          "Tokens of a sequence [1024 or the architecture's longest, less for few --tokens]")
      ->check(CLI::PositiveNumber);
  command.add_option("--lr", schedule.peak, "Highest learning rate")->capture_default_str();
  command.add_option("--end-lr", schedule.end, "Of the cosine at its end")->capture_default_str();
  command.add_option("--warm-up", options.warm_up, "Steps [150, at most a tenth of the run]")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--schedule", options.schedule,
                  "After the warm-up: " + Joined(kScheduleKinds.Names()))
      ->capture_default_str();
  command.add_option("--optimizer", options.optimizer, Joined(kOptimizerKinds.Names()))
      ->capture_default_str();
  command.add_option("--beta1", optimizer.beta1, "Of the gradients' moving average")
      ->capture_default_str();
  command.add_option("--beta2", optimizer.beta2, "Of that of their squares")->capture_default_str();
  command.add_option("--weight-decay", optimizer.weight_decay, "Of matrices")
      ->capture_default_str();
  command
      .add_option("--clip", optimizer.clip_norm,
                  "Longest gradient, over all weights; longer ones are scaled down; 0: never")
      ->capture_default_str();
  command
      .add_option("--dropout", options.learner.dropout,
                  "After the embedding and at the end of every block")
      ->capture_default_str();
  command
      .add_option("--attention-dropout", options.attention_dropout,
                  "Of attention's weights [the architecture's]")
      ->check(CLI::Range(0.0, 1.0));
}

}  // namespace

void AddTrain(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("train", "Train an architecture on a data set of `lts tokenize`");
  auto options = std::make_shared<Options>();
  command
      ->add_option("ARCH", options->architecture,
                   "Architecture file (as for `lts count`), or - for stdin; of a checkpoint's "
                   "folder the weights, too")
      ->required();
  command->add_option("--data", options->data, "Folder of tokens, of `lts tokenize`")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("-o,--out", options->out,
                   "Folder of the checkpoint, for Hugging Face and every command here; also the "
                   "log, the best weights (best/) and the run's state (training/)")
      ->required()
      ->type_name("DIR");
  command->add_flag("--resume", options->resume,
                    "Go on after the last checkpoint in -o, if there is one");
  AddRecipeOptions(*command, *options);
  command
      ->add_option("--dtype", options->dtype,
                   "f32, or bf16: products in bfloat16, weights and sums in float32")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Threads; auto: one per usable core")
      ->capture_default_str();
  command
      ->add_option("--seed", options->train.seed,
                   "Of first weights, batches and dropout: same seed, same result on the same "
                   "machine and threads")
      ->capture_default_str();
  command
      ->add_option("--evaluate-every", options->evaluate_every,
                   "Steps between evaluations [a twentieth of the run]; 0: at the end alone")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--evaluation-tokens", options->evaluation_tokens,
                   "Of the validation split, at most [an eighth of those trained on between "
                   "evaluations, 8,192 to 65,536]")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--checkpoint-every", options->checkpoint_every,
                   "Steps between checkpoints; besides, one every ten minutes")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--line-every", options->line_every,
                   "Steps between lines on the screen; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--engine-library", options->engine_library)->group("");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "SIGINT and SIGTERM save a checkpoint and end; --resume then ends with the bits of a run "
      "that was not\nstopped. Needs a build with libtorch (`make train`). Examples:\n"
      "  lts train lts-search/front/3.json --data wiki/ -o model --tokens 20M --dtype bf16\n"
      "  lts generate model 'The file'");
  command->callback([options, &context] { RunTrain(*options, context); });
}

}  // namespace lts::cli
