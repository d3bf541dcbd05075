#include "lts/io/weights.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/base/suggest.h"
#include "lts/io/safetensors.h"
#include "lts/io/shard_index.h"
#include "lts/io/torch_file.h"

namespace lts {
namespace {

constexpr std::string_view kIndexSuffix = ".index.json";
constexpr std::array<std::string_view, 4> kWeightFiles{
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json"};

StoredTensors ReadOne(const std::string& path) {
  return path.ends_with(".safetensors") ? ReadSafetensors(path) : ReadTorchFile(path);
}

StoredTensors ReadShards(const std::string& index) {
  const auto fail = [&index](const std::string& problem) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{}: {}", index, problem));
  };
  const std::map<std::string, std::string> file_by_tensor =
      ParseShardIndex(ReadFile(index, JsonLimits{}.max_bytes), index);
  std::set<std::string> files;
  for (const auto& [tensor, file] : file_by_tensor) files.insert(file);
  const std::filesystem::path folder = std::filesystem::path(index).parent_path();
  StoredTensors all;
  std::map<std::string, std::string, std::less<>> file_of;
  for (const std::string& file : files) {
    StoredTensors shard = ReadOne((folder / file).string());
    for (StoredTensor& tensor : shard.tensors) {
      const auto [other, is_new] = file_of.emplace(tensor.name, file);
      if (!is_new) {
        fail(fmt::format("tensor '{}' is in {} and in {}", Quoted(tensor.name), other->second,
                         file));
      }
      all.tensors.push_back(std::move(tensor));
    }
    std::move(shard.storage.begin(), shard.storage.end(), std::back_inserter(all.storage));
  }
  for (const auto& [tensor, file] : file_by_tensor) {
    if (!file_of.contains(tensor)) {
      fail(
          fmt::format("tensor '{}' is not in {}; is the download complete?", Quoted(tensor), file));
    }
  }
  return all;
}

}  // namespace

std::optional<std::string> FindWeights(const std::string& folder) {
  for (const std::string_view file : kWeightFiles) {
    const std::filesystem::path path = std::filesystem::path(folder) / file;
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path.string();
  }
  return std::nullopt;
}

StoredTensors ReadWeights(const std::string& path) {
  return path.ends_with(kIndexSuffix) ? ReadShards(path) : ReadOne(path);
}

}  // namespace lts
