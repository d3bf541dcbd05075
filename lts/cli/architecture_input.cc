#include "lts/cli/architecture_input.h"

#include <istream>
#include <iterator>
#include <utility>

namespace lts::cli {

NamedArchitecture ReadNamedArchitecture(const std::string& file, Context& context) {
  const bool is_stdin = file == "-";
  std::string name = is_stdin ? "stdin" : file;
  Json document =
      is_stdin ? ParseJson(std::string((std::istreambuf_iterator<char>(context.in)), {}), name)
               : ReadJsonFile(file);
  Architecture architecture = ParseArchitecture(document, name);
  return {std::move(name), std::move(document), std::move(architecture)};
}

}  // namespace lts::cli
