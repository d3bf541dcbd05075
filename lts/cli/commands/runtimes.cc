// lts runtimes: the engines of this build and whether they work here.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "fmt/format.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/runtime/registry/registry.h"

namespace lts::cli {
namespace {

void RunRuntimes(const std::string& ort_library, Context& context) {
  RuntimeOptions options;
  options.library = ort_library;
  Table table({{"name", "name", false},
               {"available", "available", false},
               {"dtypes", "dtypes", false},
               {"kv_dtypes", "KV cache", false},
               {"versions", "versions", false},
               {"providers", "providers", false},
               {"summary", "summary", false}});
  for (const RuntimeEntry* entry : Runtimes()) {
    const Availability available = entry->available(options);
    std::vector<std::string> dtypes;
    for (const DType dtype : entry->dtypes()) dtypes.emplace_back(kDTypes.Name(dtype));
    std::vector<std::string> kv_dtypes;
    for (const DType dtype : entry->kv_dtypes == nullptr ? entry->dtypes() : entry->kv_dtypes())
      kv_dtypes.emplace_back(kDTypes.Name(dtype));
    std::vector<std::string> versions;
    for (const auto& [name, version] : entry->versions(options))
      versions.push_back(name + " " + version);
    std::vector<std::string> providers;
    if (entry->providers != nullptr) providers = entry->providers(options);
    table.AddRow({{entry->name, ""},
                  {available.ok ? "yes" : "no: " + available.reason, ""},
                  {fmt::format("{}", fmt::join(dtypes, " ")), ""},
                  {fmt::format("{}", fmt::join(kv_dtypes, " ")), ""},
                  {Joined(versions), ""},
                  {fmt::format("{}", fmt::join(providers, " ")), ""},
                  {entry->summary, ""}});
  }
  table.Print(context.format, context.terminal, context.out);
}

}  // namespace

void AddRuntimes(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "runtimes", "Engines that can run the candidates, and whether they work here");
  auto ort_library = std::make_shared<std::string>();
  AddOrtLibraryOption(*command, *ort_library);
  AddFormatOption(*command, context);
  command->footer(
      "Environment:\n"
      "  LTS_MAX_ISA=NAME   the cpu runtime uses no better instruction set than NAME, to measure "
      "this machine as\n"
      "                     a lesser one: AVX3_DL, AVX3, AVX2, SSE4, SCALAR (Arm: NEON); no AMX "
      "with any of them\n"
      "  LTS_NO_AMX=1       it leaves AMX alone\n"
      "What is used stands under versions as `isa`. docs/measuring.md.");
  command->callback([ort_library, &context] { RunRuntimes(*ort_library, context); });
}

}  // namespace lts::cli
