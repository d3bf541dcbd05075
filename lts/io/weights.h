// The weights of a checkpoint folder, whatever kind of file holds them.
#pragma once

#include <optional>
#include <string>

#include "lts/io/stored_tensor.h"

namespace lts {

// The file that names a folder's weights, of these the first that is there:
//   model.safetensors, model.safetensors.index.json, pytorch_model.bin,
//   pytorch_model.bin.index.json
// nullopt: none is.
std::optional<std::string> FindWeights(const std::string& folder);

// Reads any file that FindWeights gives. Of an index (shard_index.h) all tensors of the files that
// it names are read; one that it names and no file has, or two of one name, are kCorrupt. Throws as
// the readers of the files.
StoredTensors ReadWeights(const std::string& path);

}  // namespace lts
