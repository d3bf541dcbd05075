#include "lts/io/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/base/suggest.h"
#include "lts/io/binding.h"
#include "lts/io/weights.h"
#include "lts/text/tokenizer_file.h"

namespace lts {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfigFile = "config.json";
constexpr std::string_view kWeightsFile = "model.safetensors";
constexpr std::size_t kMaxPathShown = 400;
constexpr std::size_t kMaxFoldersShown = 24;

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// The sub-folders that hold a model, sorted.
std::vector<std::string> ModelFolders(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (IsFile(it->path() / kConfigFile)) names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

[[noreturn]] void FailNoModel(const fs::path& top, std::string_view subfolder) {
  const std::string shown = Quoted((top / subfolder).string(), kMaxPathShown);
  std::error_code ignored;
  if (subfolder.empty() && !fs::is_directory(top, ignored)) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: no such folder", shown));
  }
  const std::vector<std::string> known = ModelFolders(top);
  if (known.empty()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no config.json there; expected a checkpoint's folder", shown));
  }
  if (!subfolder.empty()) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: {}", Quoted(top.string(), kMaxPathShown),
                                                  UnknownName("sub-folder", subfolder, known)));
  }
  std::string list;
  for (std::size_t i = 0; i < std::min(known.size(), kMaxFoldersShown); ++i) {
    list += (i == 0 ? "" : ", ") + Quoted(known[i]);
  }
  if (known.size() > kMaxFoldersShown) list += ", ...";
  throw Error(ErrorCode::kNotFound,
              fmt::format("{}: no config.json there, but {} of its sub-folders {} one; name a "
                          "sub-folder: {}",
                          shown, known.size(), known.size() == 1 ? "has" : "have", list));
}

}  // namespace

std::vector<std::string> TokenizerFilesIn(const std::string& folder) {
  std::vector<std::string> files;
  for (const std::string_view name : kTokenizerFiles) {
    if (const fs::path path = fs::path(folder) / name; IsFile(path)) files.push_back(path.string());
  }
  return files;
}

CheckpointFiles FindCheckpoint(const std::string& folder, std::string_view subfolder) {
  const fs::path top = folder;
  const fs::path model = top / subfolder;
  if (!IsFile(model / kConfigFile)) FailNoModel(top, subfolder);
  CheckpointFiles files;
  files.config = (model / kConfigFile).string();
  files.weights = FindWeights(model.string());
  files.tokenizer = TokenizerFilesIn(model.string());
  if (files.tokenizer.empty()) {
    std::error_code error;
    const fs::path above = fs::canonical(model, error).parent_path();
    if (!error) files.tokenizer = TokenizerFilesIn(above.string());
  }
  return files;
}

Checkpoint LoadCheckpoint(const std::string& folder, std::string_view subfolder) {
  CheckpointFiles files = FindCheckpoint(folder, subfolder);
  const Architecture architecture = ReadArchitecture(files.config);
  if (!files.weights) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no weights there; expected model.safetensors or pytorch_model.bin",
                            Quoted((fs::path(folder) / subfolder).string(), kMaxPathShown)));
  }
  Model model = BindWeights(architecture, ReadWeights(*files.weights),
                            {.config = files.config, .weights = *files.weights});
  return {std::move(model), std::move(files)};
}

void WriteCheckpoint(const Model& model, const std::string& folder,
                     std::span<const std::string> tokenizer_files) {
  const std::string config = WriteJson(ToHuggingFaceConfig(model.architecture())) + "\n";
  EnsureWritableFolder(folder);
  const fs::path target = folder;
  std::error_code error;
  WriteWeights(model, (target / kWeightsFile).string(), [&] {
    fs::remove(target / kConfigFile, error);
    if (!error) return;
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot replace: {}",
                                            Quoted((target / kConfigFile).string(), kMaxPathShown),
                                            error.message()));
  });
  for (const std::string& file : tokenizer_files) {
    const fs::path copy = target / fs::path(file).filename();
    if (fs::equivalent(file, copy, error)) continue;  // a checkpoint written over itself
    WriteFileAtomic(copy.string(), ReadFile(file));
  }
  WriteFileAtomic((target / kConfigFile).string(), config);
}

}  // namespace lts
