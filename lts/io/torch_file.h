// Tensors of the files that torch.save(state_dict) writes, without executing anything in them.
// Source: PyTorch's serialization notes and torch/serialization.py (releases 0.4 to 2.x).
//
//   since 1.6   a zip archive (zip_file.h): NAME/data.pkl is the pickled state_dict, NAME/data/KEY
//               the bytes of a storage, NAME/byteorder "little" (may be missing)
//   before      four pickles (magic number, protocol 1001, description of the machine, state_dict),
//               a pickled list of storage keys, then for each key an int64 count and its elements
//
// In the pickle (pickle.h) a tensor is a call of torch._utils._rebuild_tensor_v2(storage, offset,
// shape, strides, ...), perhaps inside _rebuild_parameter(tensor, ...); a storage is a persistent
// id ("storage", torch.FloatStorage, key, device, elements). Several tensors may share a storage.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/io/stored_tensor.h"

namespace lts {

// The tensors in the order of the state_dict. They view `file`, which must outlive them. Throws
// kCorrupt; kUnsupported for anything but a state_dict (a whole pickled model, a training state),
// naming what it holds or would call. `name` is the file, for messages.
std::vector<StoredTensor> ParseTorchFile(std::span<std::byte> file, std::string_view name);

// Maps the file and parses it. Throws kNotFound and kIo too.
StoredTensors ReadTorchFile(const std::string& path);

}  // namespace lts
