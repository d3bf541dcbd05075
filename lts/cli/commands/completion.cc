// lts completion: scripts for bash, zsh and fish.
#include "lts/cli/completion.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "lts/cli/commands/commands.h"

namespace lts::cli {

void AddCompletion(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("completion", "Prints the completion script of a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required();
  command->footer(
      "bash: eval \"$(lts completion bash)\"    fish: lts completion fish | source\n"
      "zsh:  lts completion zsh > \"${fpath[1]}/_lts\"");
  command->callback([&app, shell, &context] { context.out << CompletionScript(app, *shell); });
}

}  // namespace lts::cli
