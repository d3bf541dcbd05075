// lts spaces: the search spaces that come with lts, and a check of the user's own.
#include <CLI/CLI.hpp>
#include <memory>

#include "fmt/format.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/space/search_space.h"

namespace lts::cli {
namespace {

struct Options {
  std::vector<std::string> names;
};

std::string SizeText(const SpaceSize& size) {
  if (size.exact) return fmt::format("{}", *size.exact);
  return fmt::format("10^{:.1f}", size.log10);
}

std::string Values(const Dimension& dimension) {
  const auto& values = dimension.values;
  std::string text = fmt::format("{}", values.front());
  if (values.size() > 1) {
    const std::int64_t step = values[1] - values[0];
    bool even = true;
    for (std::size_t i = 1; i < values.size(); ++i)
      even = even && values[i] - values[i - 1] == step;
    text = even && values.size() > 2
               ? fmt::format("{}..{} step {}", values.front(), values.back(), step)
               : fmt::format("{}", fmt::join(values, " "));
  }
  return dimension.per_layer ? text + " per layer" : text;
}

void RunSpaces(const Options& options, Context& context) {
  std::vector<std::string> names = options.names;
  if (names.empty()) {
    for (const SpaceFields& preset : SpacePresets()) names.push_back(preset.name);
  }
  Table table({{"name", "name", false},
               {"points", "points"},
               {"log10_points", ""},
               {"backbone", "backbone", false},
               {"n_layer", "n_layer", false},
               {"d_model", "d_model", false},
               {"d_inner", "d_inner", false},
               {"n_head", "n_head", false},
               {"constraints", "constraints", false},
               {"summary", "", false}});
  for (const std::string& name : names) {
    const SearchSpace space = LoadSpace(name);
    const SpaceFields& fields = space.fields();
    const SpaceSize size = space.Size();
    std::vector<Cell> row = {{fields.name, ""},
                             {size.exact ? Json(*size.exact) : Json(), SizeText(size)},
                             {size.log10, ""},
                             {fields.backbone, ""}};
    for (const std::string_view wanted : {"n_layer", "d_model", "d_inner", "n_head"}) {
      for (const Dimension& dimension : fields.dimensions) {
        if (dimension.name == wanted) row.push_back({Values(dimension), ""});
      }
    }
    row.push_back({fmt::format("{}", fmt::join(fields.constraints, "; ")), ""});
    row.push_back({fields.summary, ""});
    table.AddRow(std::move(row));
  }
  table.Print(context.format, context.terminal, context.out);
}

}  // namespace

void AddSpaces(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("spaces", "Search spaces: the presets, or a check of your own file");
  auto options = std::make_shared<Options>();
  command->add_option("SPACE", options->names,
                      "Presets or TOML/JSON files; without any: all presets");
  AddFormatOption(*command, context);
  command->footer(
      "points: distinct architectures before constraints. docs/spaces.md has the file format. "
      "Example:\n"
      "  lts spaces examples/small.toml && lts search --space examples/small.toml");
  command->callback([options, &context] { RunSpaces(*options, context); });
}

}  // namespace lts::cli
