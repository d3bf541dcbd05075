#include <iostream>
#include <string>
#include <vector>

#include "lts/cli/app.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::vector<std::string> args(argv, argv + argc);
  std::string command_line;
  for (const std::string& arg : args) {
    if (!command_line.empty()) command_line += ' ';
    const bool plain = arg.find_first_of(" \t\n\"'\\$`*?<>|&;()[]{}#~!") == std::string::npos;
    command_line += plain && !arg.empty() ? arg : "'" + arg + "'";
  }
  lts::cli::Context context{std::cin, std::cout, std::cerr, lts::cli::ProbeTerminal()};
  context.command_line = command_line;
  return lts::cli::Run(args, context);
}
