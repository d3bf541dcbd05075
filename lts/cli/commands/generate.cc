// lts generate: text from a checkpoint.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/rng.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/generate/generator.h"
#include "lts/io/checkpoint.h"
#include "lts/measure/memory.h"
#include "lts/measure/runtime_config.h"
#include "lts/runtime/registry/registry.h"
#include "lts/text/tokenizer_file.h"

namespace lts::cli {
namespace {

struct Options {
  std::string model;
  std::string prompt = "-";
  std::string subfolder;
  std::string tokenizer;
  std::string format = "text";
  std::uint64_t seed = 1;
  bool greedy = false;
  RunOptions run;
  GenerateOptions generate{.sampling = {.temperature = 0.8, .top_p = 0.95}};
};

void PrintJson(const std::string& prompt, const GenerateResult& result, double load_seconds,
               std::uint64_t seed, Context& context) {
  Json json = Json::MakeObject();
  json["prompt"] = prompt;
  json["text"] = result.text;
  Json::Array tokens;
  for (const std::int32_t token : result.tokens) tokens.emplace_back(token);
  json["tokens"] = Json(std::move(tokens));
  json["finish_reason"] = kFinishReasons.Name(result.reason);
  json["prompt_tokens"] = result.prompt_tokens;
  json["new_tokens"] = result.new_tokens();
  json["seed"] = std::to_string(seed);  // 64 bits: more than a JSON number holds everywhere
  json["load_ms"] = 1e3 * load_seconds;
  json["ttft_ms"] = 1e3 * result.ttft_seconds;
  json["decode_tokens_per_s"] = result.decode_tokens_per_second();
  json["peak_memory_mib"] = static_cast<double>(ProcessPeakBytes()) / (1 << 20);
  context.out << WriteJson(json, JsonStyle::kPretty) << '\n';
}

void RunGenerate(const Options& given, Context& context) {
  const OutputText format = kOutputTexts.Parse(given.format);
  Options options = given;
  if (options.greedy) options.generate.sampling.temperature = 0;
  CheckSamplerOptions(options.generate.sampling);
  const RuntimeConfig config = options.run.Config();
  const std::string prompt = options.prompt == "-" ? ReadInput(context) : options.prompt;

  SystemClock clock;
  const std::int64_t start = clock.NowNs();
  Checkpoint checkpoint = LoadCheckpoint(options.model, options.subfolder);
  const Tokenizer tokenizer = ReadTokenizer(
      options.tokenizer.empty() ? TokenizerFolderOf(checkpoint.files) : options.tokenizer);
  const std::unique_ptr<Runtime> runtime = CreateRuntime(config.runtime, OptionsOf(config));
  const std::unique_ptr<LoadedModel> model = runtime->Load(std::move(checkpoint.model));
  const Graph& graph = model->graph();
  if (tokenizer.vocab_size() > graph.vocab_size) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the tokenizer has {} tokens, but the model knows only {}; does it "
                            "belong to another model?",
                            options.model, tokenizer.vocab_size(), graph.vocab_size));
  }
  std::vector<std::int32_t> tokens = tokenizer.Encode(prompt);
  options.generate.end_of_text = tokenizer.end_of_text();
  if (tokens.empty() && options.generate.end_of_text) {
    tokens.push_back(*options.generate.end_of_text);  // text from nothing
  }
  const auto prompt_tokens = std::max<std::int64_t>(std::ssize(tokens), 1);
  SessionLimits limits{.vocab_size = graph.vocab_size};
  limits.max_tokens = graph.max_seq_len;
  // A clear error comes from Generate where the prompt alone is too long.
  if (options.generate.max_new_tokens < graph.max_seq_len - prompt_tokens)
    limits.max_tokens = prompt_tokens + std::max<std::int64_t>(options.generate.max_new_tokens, 0);
  limits.max_step_tokens = std::min(prompt_tokens, limits.max_tokens);
  const std::unique_ptr<Session> session = model->NewSession(
      {.max_tokens = limits.max_tokens, .max_step_tokens = limits.max_step_tokens});
  const double load_seconds = static_cast<double>(clock.NowNs() - start) / 1e9;

  InstallSignalHandlers();
  Rng rng(options.seed);
  const auto on_text = [&](std::string_view piece) {
    if (format == OutputText::kText) context.out << piece << std::flush;
    return g_interrupted == 0 && static_cast<bool>(context.out);
  };
  const GenerateResult result =
      Generate(*session, limits, tokenizer, tokens, options.generate, rng, clock, on_text);
  if (!context.out) throw Error(ErrorCode::kIo, "the text could not be written");
  if (format == OutputText::kJson) {
    PrintJson(prompt, result, load_seconds, options.seed, context);
  } else {
    context.out << '\n' << std::flush;
    if (!context.quiet) {
      context.err << fmt::format(
          "{} prompt tokens, {} new ({}); loaded in {:.0f} ms, first token after {:.1f} ms, then "
          "{:.1f} tokens/s; peak memory {:.0f} MiB\n",
          result.prompt_tokens, result.new_tokens(), kFinishReasons.Name(result.reason),
          1e3 * load_seconds, 1e3 * result.ttft_seconds, result.decode_tokens_per_second(),
          static_cast<double>(ProcessPeakBytes()) / (1 << 20));
    }
  }
  if (g_interrupted != 0) throw Error(ErrorCode::kCancelled, "interrupted");
}

}  // namespace

void AddGenerate(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("generate", "Text from a checkpoint, streamed as it comes");
  auto options = std::make_shared<Options>();
  SamplerOptions& sampling = options->generate.sampling;
  command
      ->add_option("MODEL", options->model,
                   "A checkpoint's folder: config.json, weights and the tokenizer's files")
      ->required();
  command->add_option("PROMPT", options->prompt,
                      "What to go on from; - or nothing: standard input");
  command->add_option("--subfolder", options->subfolder,
                      "The model, where MODEL holds several below a common tokenizer");
  command->add_option("--tokenizer", options->tokenizer,
                      "The tokenizer's folder or file, where it is not in the checkpoint's");
  command
      ->add_option("--max-new-tokens", options->generate.max_new_tokens,
                   "Tokens to generate at most; the model's context may end it earlier")
      ->capture_default_str();
  command->add_option("--temperature", sampling.temperature, "Divides the logits; 0: as --greedy")
      ->capture_default_str();
  command
      ->add_option("--top-p", sampling.top_p,
                   "Only the most probable tokens that reach this probability; 1: all")
      ->capture_default_str();
  command->add_option("--top-k", sampling.top_k, "Only the k most probable tokens; 0: all")
      ->capture_default_str();
  command
      ->add_option("--repetition-penalty", sampling.repetition_penalty,
                   "Above 1, tokens that were there already become less probable")
      ->capture_default_str();
  command->add_flag("--greedy", options->greedy, "Always the most probable token");
  command->add_option("--seed", options->seed, "Of the draws: same seed, same text, on any threads")
      ->capture_default_str();
  command
      ->add_option("--stop", options->generate.stop,
                   "End where this text begins; may be given several times")
      ->type_name("TEXT");
  AddRuntimeOptions(*command, options->run);
  command
      ->add_option("--format", options->format,
                   "text, or json with the text and its figures: " + Joined(kOutputTexts.Names()))
      ->capture_default_str();
  AddQuietOption(*command, context);
  command->footer(
      "The continuation goes to standard output as it is made, its figures to standard error. Long "
      "steps in\nbf16 and int8 round differently from short ones, so only the same prompt in one "
      "piece gives the same text.\nExamples:\n"
      "  lts generate gpt2/ 'Once upon a time' --seed 7\n"
      "  lts generate lts-gpt2-sm/ --subfolder models/gpt2_0e1b --dtype int8 --greedy < "
      "letter.txt");
  command->callback([options, &context] { RunGenerate(*options, context); });
}

}  // namespace lts::cli
