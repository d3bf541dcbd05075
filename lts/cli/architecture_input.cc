#include "lts/cli/architecture_input.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "lts/base/error.h"

namespace lts::cli {
namespace {

bool IsFolder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

// The file to read of an ARCH argument: a checkpoint folder's config.json, anything else as it is.
std::string ArchitectureFile(const std::string& argument) {
  return IsFolder(argument) ? FindCheckpoint(argument).config : argument;
}

}  // namespace

NamedArchitecture ReadNamedArchitecture(const std::string& file, Context& context) {
  const bool is_stdin = file == "-";
  const std::string source = is_stdin ? "stdin" : ArchitectureFile(file);
  Json document = is_stdin ? ParseJson(ReadInput(context), source) : ReadJsonFile(source);
  Architecture architecture = ParseArchitecture(document, source);
  return {is_stdin ? source : file, std::move(document), std::move(architecture)};
}

NamedModel ReadNamedModel(const NamedArchitecture& architecture, std::uint64_t seed,
                          Context& context) {
  if (IsFolder(architecture.name)) {
    Checkpoint checkpoint = LoadCheckpoint(architecture.name);
    return {std::move(checkpoint.model), std::move(checkpoint.files.tokenizer)};
  }
  if (!context.quiet) {
    context.err << "weights: random (seed " << seed << "): shapes, speed and size are those "
                << "of a trained model, text is not\n";
  }
  return {RandomModel(architecture.architecture, seed), {}};
}

std::string TokenizerFolderOf(const CheckpointFiles& files) {
  if (files.tokenizer.empty()) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: no tokenizer (tokenizer.json, or vocab.json and merges.txt) there or "
                    "above; copy it there, or name its folder where a command has "
                    "--tokenizer",
                    std::filesystem::path(files.config).parent_path().string()));
  }
  return std::filesystem::path(files.tokenizer.front()).parent_path().string();
}

}  // namespace lts::cli
