// The ARCH arguments of commands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/model.h"
#include "lts/base/json.h"
#include "lts/cli/app.h"
#include "lts/io/checkpoint.h"

namespace lts::cli {

struct NamedArchitecture {
  std::string name;  // the file or folder, or "stdin"
  Json document;     // as it was read
  Architecture architecture;
};
// `file`: a checkpoint's folder, Archai's JSON or Hugging Face's config.json; "-": from the
// context's input. Throws as ReadArchitecture.
NamedArchitecture ReadNamedArchitecture(const std::string& file, Context& context);

struct NamedModel {
  Model model;
  std::vector<std::string> tokenizer_files;  // of a checkpoint
};
// The weights of what ReadNamedArchitecture gave: the checkpoint's where that was a folder, else
// random ones, of which a line on err tells unless quiet. Throws as LoadCheckpoint and RandomModel.
NamedModel ReadNamedModel(const NamedArchitecture& architecture, std::uint64_t seed,
                          Context& context);

// The folder of a checkpoint's tokenizer files. Throws kNotFound when there are none.
std::string TokenizerFolderOf(const CheckpointFiles& files);

}  // namespace lts::cli
