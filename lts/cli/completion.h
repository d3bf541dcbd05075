// Shell completion scripts, generated from the commands themselves so that they cannot go out of
// date.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace lts::cli {

// `shell`: bash, zsh or fish; throws kNotFound with a suggestion. Values of options with a fixed
// set of names (runtimes, spaces, objectives ...) are completed; other arguments complete to files.
std::string CompletionScript(const CLI::App& app, const std::string& shell);

}  // namespace lts::cli
