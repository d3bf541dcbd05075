// lts count: what an architecture has and needs, by formula.
#include "lts/arch/count.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "fmt/format.h"
#include "lts/arch/graph.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/objectives/units.h"

namespace lts::cli {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

struct Options {
  std::vector<std::string> files;
  RunOptions run;
};

std::string PerLayer(const Architecture& architecture, std::int64_t LayerShape::*field) {
  std::string text;
  for (const LayerShape& layer : architecture.layers()) {
    text += (text.empty() ? "" : " ") + std::to_string(layer.*field);
    if (architecture.homogeneous()) break;
  }
  return text;
}

void RunCount(const Options& options, Context& context) {
  const Workload workload = options.run.AsWorkload();
  const DType dtype = kDTypes.Parse(options.run.dtype);
  const DType kv_dtype = ParseKvDType(options.run.kv_dtype).value_or(CacheDType(dtype));
  Table table({{"file", "file", false},
               {"archid", "", false},
               {"archid_rule", "", false},
               {"backbone", "", false},
               {"n_layer", "layers"},
               {"d_model", "d_model"},
               {"d_inner", "d_inner"},
               {"n_head", "heads"},
               {"decoder_params", "decoder"},
               {"embedding_params", "embedding"},
               {"total_params", "total"},
               {"prefill_flops", "prefill FLOPs"},
               {"least_prefill_flops", ""},
               {"decode_flops", "decode FLOPs"},
               {"weights_mib", "weights MiB"},
               {"kv_cache_mib", "KV MiB"},
               {"peak_activation_mib", "activations MiB"},
               {"archid_plain", "", false},
               {"archid_with_arch_type", "archid", false}});
  for (const std::string& file : options.files) {
    const auto [name, json, architecture] = ReadNamedArchitecture(file, context);
    const Graph graph = BuildGraph(architecture);
    const ParameterCounts params = CountParameters(graph);
    WorkloadShape shape = ShapeOf(workload);
    const WorkloadCounts counts = CountWorkload(graph, shape, dtype, kv_dtype);
    // Archai hashes a saved architecture with "arch_type" and a fresh one without; a published file
    // is named after one of the two. The file's name says which; any other file gets the plain one.
    const bool archai = json.Find("model_type") == nullptr;
    const ArchaiIds ids = ComputeArchaiIds(archai ? json : architecture.ToDocument());
    const bool with_arch_type = std::filesystem::path(file).stem() == ids.with_arch_type;
    const std::string& id = with_arch_type ? ids.with_arch_type : ids.plain;
    const auto count = [](std::int64_t value) {
      return Cell{value, HumanCount(static_cast<double>(value))};
    };
    const auto mib = [](std::int64_t bytes) {
      const double value = static_cast<double>(bytes) / kMib;
      return Cell{value, HumanNumber(value)};
    };
    table.AddRow({{name, Fit(std::filesystem::path(name).filename().string(), 28)},
                  {id, ""},
                  {with_arch_type ? "with_arch_type" : "plain", ""},
                  {architecture.backbone(), ""},
                  {architecture.n_layer(), ""},
                  {architecture.d_model(), ""},
                  {PerLayer(architecture, &LayerShape::d_inner), ""},
                  {PerLayer(architecture, &LayerShape::n_head), ""},
                  count(params.decoder()),
                  count(params.embedding()),
                  count(params.total()),
                  count(counts.prefill_flops),
                  count(counts.least_prefill_flops),
                  count(counts.decode_flops),
                  mib(counts.weight_bytes),
                  mib(counts.kv_cache_bytes),
                  mib(counts.peak_activation_bytes),
                  {ids.plain, ""},
                  {ids.with_arch_type, Fit(id, 13)}});
  }
  table.Print(context.format, context.terminal, context.out);
}

}  // namespace

void AddCount(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "count", "Parameters, FLOPs and bytes of architectures, by formula; runs nothing");
  auto options = std::make_shared<Options>();
  command
      ->add_option("ARCH", options->files,
                   "Architecture files: Archai's JSON, Hugging Face's config.json, a checkpoint's "
                   "folder, or "
                   "- for stdin")
      ->required();
  AddWorkloadOptions(*command, options->run);
  command
      ->add_option("--dtype", options->run.dtype, "Type of the weights: " + Joined(kDTypes.Names()))
      ->capture_default_str();
  AddKvDTypeOption(*command, options->run.kv_dtype);
  AddFormatOption(*command, context);
  command->footer(
      "decoder = attention + feed-forward + norms (the search's quality proxy); a tied head counts "
      "once.\n"
      "decode FLOPs: one step at the longest context. csv and json carry exact values and both of "
      "Archai's\n"
      "archids. Example:\n"
      "  echo '{\"n_layer\": 4, \"d_model\": 512, \"d_inner\": 2048, \"n_head\": 8}' | lts count "
      "-");
  command->callback([options, &context] { RunCount(*options, context); });
}

}  // namespace lts::cli
