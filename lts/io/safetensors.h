// safetensors files, read without copying and written whole or not at all.
// Source: the format's description in the documentation of the safetensors library (2023).
//
//   file   := length header data
//   length := uint64, little-endian: bytes of the header, at most 100,000,000
//   header := a JSON object, which may be followed by spaces:
//             { "__metadata__"?: {name: text, ...},
//               tensor: {"dtype": text, "shape": [extents], "data_offsets": [begin, end]}, ... }
//   data   := the tensors' elements, row-major and little-endian; offsets count from its beginning
//
// Tensors cover the data exactly: none overlaps another, no byte belongs to none, and
// end - begin = elements * size of the dtype.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/files.h"
#include "lts/io/stored_tensor.h"

namespace lts {

// The tensors in the order of their data. They view `file`, which must outlive them. Throws
// kCorrupt, and kUnsupported for a dtype that no table here knows; `name` is the file, for
// messages. O(header): touches no data.
std::vector<StoredTensor> ParseSafetensors(std::span<std::byte> file, std::string_view name);

// Maps the file and parses it. Throws kNotFound and kIo too.
StoredTensors ReadSafetensors(const std::string& path);

// Writes float32 tensors one after another; nothing appears at `path` before Commit(). The data
// begins at a multiple of 64 bytes, so that a tensor is 64-byte aligned in a mapping when the sizes
// before it are multiples of 64: put those first.
class SafetensorsWriter {
 public:
  struct Entry {
    std::string name;
    std::vector<std::int64_t> shape;
  };
  // Throws kIo. The header says {"format": "pt"}, without which Hugging Face's loader refuses.
  SafetensorsWriter(const std::string& path, const std::vector<Entry>& entries);
  // The values of the next entry (LTS_CHECK on their number), in one piece.
  void Append(std::span<const float> values);
  void Commit();  // once, after the last entry

 private:
  AtomicFile file_;
  std::vector<std::int64_t> counts_;
  std::size_t next_ = 0;
};

}  // namespace lts
