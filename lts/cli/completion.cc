#include "lts/cli/completion.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <vector>

#include "fmt/format.h"
#include "lts/base/dtype.h"
#include "lts/base/enum_table.h"
#include "lts/cli/options.h"
#include "lts/cli/table.h"
#include "lts/objectives/objective.h"
#include "lts/runtime/registry/registry.h"
#include "lts/search/search.h"
#include "lts/space/search_space.h"

namespace lts::cli {
namespace {

enum class Shell { kBash, kZsh, kFish };
constexpr EnumTable<Shell, 3> kShells{
    "shell", {{{Shell::kBash, "bash"}, {Shell::kZsh, "zsh"}, {Shell::kFish, "fish"}}}};

struct OptionInfo {
  std::string name;  // without dashes
  std::string help;
  bool takes_value = false;
  std::vector<std::string> values;
};
struct CommandInfo {
  std::string name;
  std::string help;
  std::vector<OptionInfo> options;
};

std::vector<std::string> ValuesOf(const std::string& command, const std::string& option) {
  std::vector<std::string> values;
  if (option == "format") {
    if (command == "tokenize") return kOutputTexts.Names();
    if (command == "export") return {"onnx"};
    values = kOutputFormats.Names();
  }
  if (option == "dtype") values = kDTypes.Names();
  if (option == "kv-dtype") values = KvDTypeNames();
  if (option == "runtime") {
    for (const RuntimeEntry* entry : Runtimes()) values.emplace_back(entry->name);
  }
  if (option == "space") {
    for (const SpaceFields& preset : SpacePresets()) values.push_back(preset.name);
  }
  if (option == "algorithm") {
    for (const SearchAlgorithm* algorithm : SearchAlgorithms()) {
      values.emplace_back(algorithm->name);
    }
  }
  if (option == "objective") {
    for (const Objective* objective : Objectives()) {
      values.emplace_back(Info(objective->metric).name);
    }
  }
  return values;
}

std::string FirstSentence(const std::string& help) {
  const std::size_t end = help.find_first_of(".;:(,\n");
  std::string text = help.substr(0, end);
  // Quotes and brackets mean something to every shell.
  std::string safe;
  for (const char c : text) {
    if (std::string_view("'\"[]`$\\").find(c) == std::string_view::npos) safe += c;
  }
  return safe;
}

std::vector<CommandInfo> Describe(const CLI::App& app) {
  std::vector<CommandInfo> commands;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_group().empty()) continue;  // hidden
    CommandInfo command{sub->get_name(), FirstSentence(sub->get_description()), {}};
    for (const CLI::Option* option : sub->get_options()) {
      if (option->get_lnames().empty()) continue;  // positional
      const std::string& name = option->get_lnames().front();
      command.options.push_back({name, FirstSentence(option->get_description()),
                                 option->get_items_expected_max() > 0,
                                 ValuesOf(command.name, name)});
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

std::string Bash(const std::vector<CommandInfo>& commands) {
  std::string names;
  std::string cases;
  std::map<std::string, std::vector<std::string>> values;
  for (const CommandInfo& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    std::string options;
    for (const OptionInfo& option : command.options) {
      options += (options.empty() ? "--" : " --") + option.name;
      if (!option.values.empty()) values[command.name + " --" + option.name] = option.values;
    }
    cases += fmt::format("    {}) options=\"{}\" ;;\n", command.name, options);
  }
  std::string value_cases;
  for (const auto& [option, names_of] : values) {
    value_cases +=
        fmt::format("    \"{}\") COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n",
                    option, fmt::join(names_of, " "));
  }
  return fmt::format(R"SH(# bash completion of lts: eval "$(lts completion bash)"
_lts() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" options=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{} --help --version" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}} $previous" in
{}  esac
  case "${{COMP_WORDS[1]}}" in
{}  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _lts lts
)SH",
                     names, value_cases, cases);
}

std::string Zsh(const std::vector<CommandInfo>& commands) {
  std::string names;
  std::string cases;
  for (const CommandInfo& command : commands) {
    names += fmt::format("    '{}:{}'\n", command.name, command.help);
    cases += fmt::format("    {}) _arguments", command.name);
    for (const OptionInfo& option : command.options) {
      std::string value;
      if (option.takes_value) {
        value = option.values.empty() ? ":value:_files"
                                      : fmt::format(":value:({})", fmt::join(option.values, " "));
      }
      cases += fmt::format(" '*--{}[{}]{}'", option.name, option.help, value);
    }
    cases += " '*:file:_files' ;;\n";
  }
  return fmt::format(R"SH(#compdef lts
# zsh completion of lts: lts completion zsh > a file named _lts in your $fpath
_lts() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case "$command" in
{}  esac
}}
compdef _lts lts
)SH",
                     names, cases);
}

std::string Fish(const std::vector<CommandInfo>& commands) {
  std::string text = "# fish completion of lts: lts completion fish | source\n";
  for (const CommandInfo& command : commands) {
    text += fmt::format("complete -c lts -n __fish_use_subcommand -f -a {} -d '{}'\n", command.name,
                        command.help);
    for (const OptionInfo& option : command.options) {
      std::string value;
      if (option.takes_value) {
        value = option.values.empty() ? " -r"
                                      : fmt::format(" -x -a '{}'", fmt::join(option.values, " "));
      }
      text += fmt::format("complete -c lts -n '__fish_seen_subcommand_from {}' -l {} -d '{}'{}\n",
                          command.name, option.name, option.help, value);
    }
  }
  return text;
}

}  // namespace

std::string CompletionScript(const CLI::App& app, const std::string& shell) {
  const std::vector<CommandInfo> commands = Describe(app);
  switch (kShells.Parse(shell)) {
    case Shell::kBash:
      return Bash(commands);
    case Shell::kZsh:
      return Zsh(commands);
    case Shell::kFish:
      return Fish(commands);
  }
  return "";
}

}  // namespace lts::cli
