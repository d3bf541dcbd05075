// The ARCH arguments of commands.
#pragma once

#include <string>

#include "lts/arch/architecture.h"
#include "lts/base/json.h"
#include "lts/cli/app.h"

namespace lts::cli {

struct NamedArchitecture {
  std::string name;  // the file, or "stdin"
  Json document;     // as it was read
  Architecture architecture;
};
// `file`: Archai's JSON or Hugging Face's config.json; "-": from the context's input. Throws as
// ReadArchitecture.
NamedArchitecture ReadNamedArchitecture(const std::string& file, Context& context);

}  // namespace lts::cli
