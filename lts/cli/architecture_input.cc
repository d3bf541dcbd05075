#include "lts/cli/architecture_input.h"

#include <istream>
#include <iterator>

#include "lts/base/json.h"

namespace lts::cli {

NamedArchitecture ReadNamedArchitecture(const std::string& file, Context& context) {
  if (file != "-") return {file, ReadArchitecture(file)};
  const std::string text((std::istreambuf_iterator<char>(context.in)), {});
  return {"stdin", ParseArchitecture(ParseJson(text, "stdin"), "stdin")};
}

}  // namespace lts::cli
