// lts memory-probe: the child process of a memory measurement (measure/memory.h). Hidden from help.
#include <CLI/CLI.hpp>

#include "lts/cli/commands/commands.h"
#include "lts/measure/memory.h"

namespace lts::cli {

void AddMemoryProbe(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("memory-probe", "Child process of a memory measurement");
  command->group("");
  command->callback([&context] {
    context.exit_code = RunMemoryProbeChild(context.in, context.out, context.err);
  });
}

}  // namespace lts::cli
