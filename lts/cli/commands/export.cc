// lts export: an architecture or a checkpoint as what other tools run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/cli/terminal.h"
#include "lts/export/onnx.h"
#include "lts/io/checkpoint.h"

namespace lts::cli {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

enum class Format { kOnnx, kHuggingFace };
constexpr EnumTable<Format, 2> kFormats{
    "--format", {{{Format::kOnnx, "onnx"}, {Format::kHuggingFace, "huggingface"}}}};

enum class Fuse { kNone, kOnnxRuntime };
constexpr EnumTable<Fuse, 2> kFuses{"--fuse",
                                    {{{Fuse::kNone, "none"}, {Fuse::kOnnxRuntime, "onnxruntime"}}}};

struct Options {
  std::string architecture;
  std::string out;
  std::string format = "onnx";
  std::string dtype = "f32";
  std::string fuse = "none";
  std::string logits = "last";
  bool external_data = false;
  int opset = kFirstOnnxOpset;
  std::uint64_t seed = 1;
};

void ExportCheckpoint(const Options& options, Context& context) {
  const Options defaults;
  if (options.dtype != defaults.dtype || options.fuse != defaults.fuse ||
      options.logits != defaults.logits || options.external_data) {
    throw Error(ErrorCode::kInvalidArgument,
                "--format huggingface: takes no --dtype, --fuse, --logits or --external-data; it "
                "writes float32 weights");
  }
  const NamedArchitecture input = ReadNamedArchitecture(options.architecture, context);
  const NamedModel named = ReadNamedModel(input, options.seed, context);
  WriteCheckpoint(named.model, options.out, named.tokenizer_files);
  context.out << options.out << ": " << input.architecture.ShortName()
              << ", config.json, model.safetensors";
  if (!named.tokenizer_files.empty()) {
    context.out << " and " << named.tokenizer_files.size() << " files of its tokenizer";
  }
  context.out << "\n";
}

void RunExport(const Options& options, Context& context) {
  if (kFormats.Parse(options.format) == Format::kHuggingFace) {
    return ExportCheckpoint(options, context);
  }
  if (options.logits != "last" && options.logits != "all") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--logits: got '{}', expected 'last' or 'all'", options.logits));
  }
  OnnxFileOptions file;
  file.onnx.dtype = kOnnxDTypes.Parse(options.dtype);
  file.onnx.fused = kFuses.Parse(options.fuse) == Fuse::kOnnxRuntime;
  if (options.opset < kFirstOnnxOpset || options.opset > kLastOnnxOpset) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--opset: got {}, expected an integer in [{}, {}]", options.opset,
                            kFirstOnnxOpset, kLastOnnxOpset));
  }
  file.onnx.opset = options.opset;
  file.onnx.all_logits = options.logits == "all";
  if (options.external_data) file.inline_weight_limit = 0;

  const NamedArchitecture input = ReadNamedArchitecture(options.architecture, context);
  const Architecture& architecture = input.architecture;
  const Graph graph = BuildGraph(architecture);
  if (const Availability supported = SupportsOnnx(graph, file.onnx); !supported.ok) {
    throw Error(ErrorCode::kUnsupported, options.architecture + ": " + supported.reason);
  }
  const Model model = ReadNamedModel(input, options.seed, context).model;
  const OnnxFileResult result = ExportOnnx(model, options.out, file);
  context.out << options.out << ": " << architecture.ShortName() << ", "
              << HumanNumber(static_cast<double>(result.model_bytes + result.data_bytes) / kMib)
              << " MiB\n";
  if (result.data_bytes > 0) {
    context.out << options.out << "_data: its weights, to be kept beside it\n";
  }
}

}  // namespace

void AddExport(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "export", "Write a model that other tools run: ONNX, or a checkpoint of Hugging Face");
  auto options = std::make_shared<Options>();
  command
      ->add_option("ARCH", options->architecture,
                   "Architecture file (as for `lts count`; its weights are random), checkpoint "
                   "folder of Hugging Face (with its weights), or - for stdin")
      ->required();
  command
      ->add_option("-o,--output", options->out,
                   "The file, or checkpoint folder, to write; replaced when it is there")
      ->required();
  command->add_option("--format", options->format, "What to write: onnx, or huggingface")
      ->capture_default_str();
  command
      ->add_option("--dtype", options->dtype,
                   "Type of the weights: f32, f16, or int8 (matrices per output channel, "
                   "activations quantised as they come)")
      ->capture_default_str();
  command
      ->add_option("--fuse", options->fuse,
                   "Operators: none (ONNX's own, any engine) or onnxruntime (its fused ones)")
      ->capture_default_str();
  command
      ->add_option("--logits", options->logits, "Logits of the last position, or of all: last, all")
      ->capture_default_str();
  command
      ->add_option("--opset", options->opset,
                   fmt::format("Version of the standard operators, {} to {}", kFirstOnnxOpset,
                               kLastOnnxOpset))
      ->capture_default_str();
  command->add_flag("--external-data", options->external_data,
                    "Weights in a file of their own, OUTPUT_data (always beyond 2 GB)");
  command->add_option("--seed", options->seed, "Seed of the random weights")->capture_default_str();
  AddQuietOption(*command, context);
  command->footer(
      "Inputs: input_ids [batch, tokens] and past_key_values.N.key|value [batch, heads, past, "
      "head\n"
      "width]; outputs: logits and present.N.key|value; batch, tokens and past are dynamic.\n"
      "Example: lts export lts-search/architectures/gpt2_….json -o model.onnx\n"
      "         lts export CHECKPOINT --format huggingface -o COPY");
  command->callback([options, &context] { RunExport(*options, context); });
}

}  // namespace lts::cli
