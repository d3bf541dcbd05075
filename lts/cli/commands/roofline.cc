// lts roofline: what this machine could do at best.
#include "lts/measure/roofline.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "lts/base/clock.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/measure/environment_probe.h"

namespace lts::cli {
namespace {

void RunRoofline(const std::string& threads, Context& context) {
  RunOptions run;
  run.threads = threads;
  const RuntimeConfig config = run.Config();
  SystemClock clock;
  const Ceilings ceilings = MeasureCeilings({.threads = config.threads}, KernelProbes(), clock);
  Table table({{"ceiling", "ceiling", false},
               {"threads", ""},
               {"dtype", "dtype", false},
               {"working_set_mib", "working set MiB"},
               {"value", "value"},
               {"unit", "unit", false}});
  const auto add = [&](const char* name, Cell dtype, Cell mib, double value, const char* unit) {
    table.AddRow({{name, ""},
                  {static_cast<std::int64_t>(ceilings.threads), ""},
                  std::move(dtype),
                  std::move(mib),
                  {value, HumanNumber(value)},
                  {unit, ""}});
  };
  const Cell none{Json(), "-"};
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kInt8}) {
    const Cell name{kDTypes.Name(dtype), ""};
    add("multiply-add", name, none, ceilings.flops(dtype) / 1e9, "GFLOP/s");
    add("matrix product", name, none, ceilings.product(dtype) / 1e9, "GFLOP/s");
  }
  for (const ReadCeiling& read : ceilings.read) {
    const std::int64_t mib = read.bytes >> 20;
    add("read", none, {mib, ""}, read.bytes_per_s / 1e9, "GB/s");
  }
  table.Print(context.format, context.terminal, context.out);
  if (!context.quiet) {
    context.err << fmt::format("machine: {}, {} threads\n", ProbeEnvironment(config).cpu_model,
                               ceilings.threads);
  }
}

}  // namespace

void AddRoofline(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "roofline", "This machine's ceilings: multiply-adds and matrix products by dtype, reading");
  auto threads = std::make_shared<std::string>("auto");
  command->add_option("--threads", *threads, "Threads; auto: one per usable core")
      ->capture_default_str();
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "multiply-add: from registers, or tiles where the processor has them (int8: operations). "
      "matrix "
      "product:\nthe cpu engine's own, [384, 1024] x [1024, 1024], the rounding of its input "
      "included. "
      "read: all threads\ntogether read a working set again and again. Each is the best of several "
      "tries, about a second in all.");
  command->callback([threads, &context] { RunRoofline(*threads, context); });
}

}  // namespace lts::cli
