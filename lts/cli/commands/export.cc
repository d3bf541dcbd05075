// lts export: an architecture as a file that other tools run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "lts/arch/model.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/cli/terminal.h"
#include "lts/export/onnx.h"

namespace lts::cli {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

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

void RunExport(const Options& options, Context& context) {
  if (options.format != "onnx") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--format: got '{}', expected 'onnx'", options.format));
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

  const Architecture architecture =
      ReadNamedArchitecture(options.architecture, context).architecture;
  const Graph graph = BuildGraph(architecture);
  if (const Availability supported = SupportsOnnx(graph, file.onnx); !supported.ok) {
    throw Error(ErrorCode::kUnsupported, options.architecture + ": " + supported.reason);
  }
  if (!context.quiet) {
    context.err << "weights: random (seed " << options.seed
                << "): shapes, speed and size are those "
                << "of a trained model, text is not\n";
  }
  const Model model = RandomModel(architecture, options.seed);
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
  CLI::App* command =
      app.add_subcommand("export", "Write an architecture as an ONNX model that other tools run");
  auto options = std::make_shared<Options>();
  command
      ->add_option("ARCH", options->architecture,
                   "Architecture file (as for `lts count`), or - for stdin")
      ->required();
  command->add_option("-o,--output", options->out, "The file to write; replaced when it is there")
      ->required();
  command->add_option("--format", options->format, "Kind of file: onnx")->capture_default_str();
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
      "Example: lts export lts-search/architectures/gpt2_….json -o model.onnx");
  command->callback([options, &context] { RunExport(*options, context); });
}

}  // namespace lts::cli
